"""Loading of models of keys: forged files are refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError, PerKey, load, load_scorer, save
from anomaly_vae.keyed.loading import key_column
from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal
from tests.anomaly_vae.keyed.hosts import fitted, fresh


def test_a_saved_model_comes_back_bit_for_bit(path: Path) -> None:
    """Scores, thresholds and parameters."""
    save(fitted(), path)
    again = load(path)
    assert isinstance(again, PerKey)
    np.testing.assert_array_equal(again.score_samples(fresh()), fitted().score_samples(fresh()))
    np.testing.assert_array_equal(again.offsets_, fitted().offsets_)
    assert repr(again) == repr(fitted())


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        del state[name]

    return change


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("key", "nothing", "there is no column 'nothing' for the key"),
        ("key", 7, "there is no column 7 for the key"),
        ("key", "load", "have other columns"),
        ("key", None, "'key' should be the name or the position"),
        ("min_rows", 1, "min_rows"),
        ("min_rows", "many", "min_rows"),
        ("n_features_in_", 3, "contradicts the columns"),
        ("training_", 3, "'training_' should be a dict"),
        ("more", 1, "'more' of 'detector' is unknown"),
        ("keyed_", 3, "'keyed_' should be a dict"),
        ("shared_", 3, "'shared_' should be a dict"),
        ("estimator", 3, "'estimator' should be a dict"),
    ],
)
def test_a_forged_file_is_refused(name: str, value: Any, reason: str, path: Path) -> None:
    """By both ways to read it."""
    forging.forge(
        path,
        fitted(),
        lambda schema, _: (
            forging.attributes(schema).update({name: forging.value(value)})
            if name != "more"
            else forging.add(schema, name, forging.value(value))
        ),
    )
    assert reason in refusal(path)
    with pytest.raises(ModelFileError, match=reason.replace("(", r"\(")):
        load_scorer(path)


def test_a_key_needs_another_column() -> None:
    """And a name that the table has."""
    assert key_column("b", ["a", "b"], 2).position == 1
    assert key_column(0, None, 2).position == 0
    with pytest.raises(ValueError, match="wanted the key 'a' and at least one other column"):
        key_column("a", ["a"], 1)
    with pytest.raises(ValueError, match="there is no column 'c' for the key; the columns are a, b"):
        key_column("c", ["a", "b"], 2)
    with pytest.raises(ValueError, match="there is no column 2 for the key"):
        key_column(2, None, 2)

"""Recipes: what their steps change, what they refuse, and that a file can hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from anomaly_vae import TabularVAEDetector, load, save
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.scoring.recipes import RECIPES, embeddings, find_recipe, tabular, tabular_numeric

TINY: dict[str, Any] = {"max_steps": 20, "validation_fraction": 0.5, "hidden_sizes": (8,), "random_state": 0}


def numbers(n_rows: int, *, gaps: bool = False) -> pd.DataFrame:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(n_rows, 4)), columns=list("abcd"))
    return table.mask(table > 1.5) if gaps else table


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_model_that_a_file_can_hold(name: str, tmp_path: Any) -> None:
    """It takes the detector's parameters, is a scikit-learn estimator, and scores as before after loading."""
    X = numbers(60)
    model = clone(RECIPES[name](**TINY)).fit(X)
    save(model, tmp_path / "model.avae")
    again = load(tmp_path / "model.avae")
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    detector = model if isinstance(model, TabularVAEDetector) else model[-1]
    assert detector.get_params()["hidden_sizes"] == (8,)
    assert list(detector.feature_names_in_) == list(X.columns)


def test_only_numbers_changes_no_score() -> None:
    """The check of tabular_numeric hands numbers on as they are, gaps too."""
    X = numbers(80, gaps=True)
    scores = [recipe(**TINY).fit(X).score_samples(X) for recipe in (tabular, tabular_numeric)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("cell", ["4,62", "high", np.inf])
def test_tabular_numeric_refuses_what_is_no_number(cell: Any) -> None:
    """In fitting and in scoring, where a detector alone would take it for a category or an odd number."""
    X = numbers(60)
    model = tabular_numeric(**TINY).fit(X)
    slipped = X.astype(object)
    slipped.loc[7, "b"] = cell
    for refuse in (model.score_samples, tabular_numeric(**TINY).fit):
        with pytest.raises(ValueError, match="string to float|infinity"):
            refuse(slipped)


def test_the_length_of_an_embedding_does_not_count() -> None:
    """A vector and its multiples have one score."""
    X = numbers(60)
    model = embeddings(**TINY).fit(X)
    np.testing.assert_allclose(model.score_samples(X), model.score_samples(1000.0 * X), rtol=1e-5, atol=1e-4)


def test_a_recipe_that_is_not_there_is_refused_with_the_nearest() -> None:
    """And all are named."""
    assert find_recipe("embeddings") is embeddings
    with pytest.raises(UnknownNameError, match=r"tabular, tabular_numeric, embeddings.*mean 'embeddings'"):
        find_recipe("embedings")

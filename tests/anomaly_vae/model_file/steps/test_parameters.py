"""Rules of single parameters: what may be called, read or written by a step of a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_selector
from sklearn.impute import MissingIndicator

from anomaly_vae import ModelFileError
from anomaly_vae.model_file.steps import parameters
from anomaly_vae.model_file.steps.rules import Context
from anomaly_vae.model_file.tree import FUNCTIONS, Described
from tests.anomaly_vae import forging


def context(rebuild: Any = None) -> Context:
    return Context(rebuild, {"n": 2})


def test_functions_are_those_of_numpy() -> None:
    """All elementwise ones on the list, or None, and nothing that only looks alike."""
    for known in (None, *FUNCTIONS.values()):
        assert parameters.function(known, context()) is known
    for other in (print, np.add, np.sum, "log"):
        with pytest.raises(ModelFileError, match="is not an elementwise function of numpy"):
            parameters.function(other, context())


@pytest.mark.parametrize(
    "value", [True, False, "{transformer_name}__{feature_name}", "{feature_name}", "plain"]
)
def test_output_names_may_use_each_field_once(value: object) -> None:
    """As scikit-learn formats them."""
    assert parameters.output_names(value, context()) == value


@pytest.mark.parametrize(
    "value",
    [
        "{feature_name}{feature_name}",
        "{feature_name:>9999999}",
        "{feature_name!r}",
        "{feature_name.x}",
        "{0}",
        "{",
    ],
)
def test_output_names_that_grow_or_read_attributes_are_rejected(value: str) -> None:
    """A few characters could make texts of any length."""
    with pytest.raises(ModelFileError, match="is not a (plain|valid) format"):
        parameters.output_names(value, context())


def test_a_column_selector_is_built_from_its_parameters() -> None:
    """It selects what the original selects; other attributes are unknown."""
    original = make_column_selector(pattern="o", dtype_include=np.number)
    built = parameters.selector(Described(parameters.SELECTOR, dict(vars(original))), context())
    assert built(forging.table()) == original(forging.table()) == ["count"]
    for evil in (Described("a.b", {}), Described(parameters.SELECTOR, {"x": 1}), "o"):
        with pytest.raises(ModelFileError):
            parameters.selector(evil, context())


@pytest.mark.parametrize("value", [np.float32, "int8", np.dtype(bool)])
def test_codes_are_numbers(value: object) -> None:
    """Of any width, by dtype, type or name."""
    assert parameters.number_dtype(value, context()) is value
    for other in (object, "U5", "nonsense", 3):
        with pytest.raises(ModelFileError, match="is not a dtype"):
            parameters.number_dtype(other, context())


def test_a_position_is_that_of_a_column() -> None:
    """From 0; an integer may also count from the end, and neither is a boolean."""
    assert parameters.position(np.int64(1), context()) == parameters.integer(1, context()) == 1
    assert parameters.integer(-1, context()) == -1
    for value in (2, -1, 0.0, None):
        with pytest.raises(ModelFileError, match="is not a position of a column"):
            parameters.position(value, context())
    with pytest.raises(ModelFileError, match="does not name columns"):
        parameters.integer(True, context())


def test_slices_have_plain_bounds() -> None:
    """Names or positions."""
    assert parameters.sliced(slice("a", 3), context()) == slice("a", 3)
    for value in (slice(None, []), [0, 1]):
        with pytest.raises(ModelFileError):
            parameters.sliced(value, context())


@pytest.mark.parametrize(("rule", "value"), [(parameters.no_cache, "folder"), (parameters.empty, {"a": 1})])
def test_caches_and_arguments_are_not_accepted(rule: Any, value: object) -> None:
    """None is."""
    assert rule(None, context()) is None
    with pytest.raises(ModelFileError):
        rule(value, context())


def test_the_indicator_of_an_imputer_takes_a_mask() -> None:
    """One that was fitted on values would fail at the first row."""
    described = Described("sklearn.impute._base.MissingIndicator", {})
    indicator = MissingIndicator().fit([[np.nan]])
    with pytest.raises(ModelFileError, match="does not take a mask"):
        parameters.inner_indicator(described, context(lambda _: indicator))
    indicator._precomputed = True
    assert parameters.inner_indicator(described, context(lambda _: indicator)) is indicator

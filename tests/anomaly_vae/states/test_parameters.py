"""Parameters in a model file: the verdict of the estimator, without scikit-learn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from anomaly_vae import ModelFileError, TabularVAEDetector
from anomaly_vae.states.parameters import TABLE_PARAMETERS, table_parameters

VALUES = (
    *("auto", "x", "", None, True, False, [], (), [1], (2, 3), [0], [1.0], ["a"], {}, b"auto"),
    *(-1, 0, 1, 2, 4096, 4097, 2**32 - 1, 2**32, 0.0, 0.3, 0.5, 0.6, 1.0, -0.5, 1e-9, math.inf, math.nan),
)


def estimator_takes(name: str, value: Any) -> bool:
    detector = TabularVAEDetector(**{name: value})
    try:
        detector._validate_params()
        detector._check_parameters()
    except (TypeError, ValueError):
        return False
    return True


def test_the_parameters_are_those_of_the_estimator() -> None:
    """No name more or less."""
    assert set(TABLE_PARAMETERS) == set(TabularVAEDetector().get_params())


@pytest.mark.parametrize("name", TABLE_PARAMETERS)
def test_both_take_the_same_values(name: str) -> None:
    """Of each parameter, whatever its type."""
    taken = [repr(value) for value in VALUES if TABLE_PARAMETERS[name](value)]
    assert taken == [repr(value) for value in VALUES if estimator_takes(name, value)]


def test_a_parameter_that_is_missing_or_wrong_is_named() -> None:
    """In one line; a list becomes a tuple, as in the estimator."""
    good = TabularVAEDetector(hidden_sizes=[4]).get_params()
    assert table_parameters(good) == good | {"hidden_sizes": (4,)}
    with pytest.raises(ModelFileError, match="out of range: 'verbose' is -1"):
        table_parameters(good | {"verbose": -1})
    with pytest.raises(ModelFileError, match="'novelty' of 'detector' is missing"):
        table_parameters({name: value for name, value in good.items() if name != "novelty"})

"""Checks of verdicts, weights and positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_vae import InputError
from anomaly_vae.verdicts.inputs import checked_verdicts, checked_weights, forgotten_positions


def test_verdicts_and_weights_become_arrays() -> None:
    """Of fixed types; the default weight is 1."""
    made = checked_verdicts([1.0, -1.0], 2)
    assert (made.dtype, made.tolist()) == (np.dtype(np.int8), [1, -1])
    assert checked_weights(None, 2).tolist() == [1.0, 1.0]
    assert checked_weights([1, 1000], 2).dtype == np.float64


@pytest.mark.parametrize(
    ("verdicts", "weights", "message"),
    [
        ([1, 1], None, r"shape \(3,\), one per row, got \(2,\)"),
        ([1, 0, -1], None, "or -1 \\(anomalous\\), got 0"),
        ([True, True, True], None, "got True"),
        (["y", "n", "y"], None, "got 'y'"),
        ([1, np.nan, 1], None, "got nan"),
        ([1, -1, 1], [1, 1], "weights should be 3 numbers"),
        ([1, -1, 1], [1, 0, 1], "above 0 and at most 1,000, got 0"),
        ([1, -1, 1], [1, np.nan, 1], "got nan"),
        ([1, -1, 1], ["a", "b", "c"], "weights should be 3 numbers"),
    ],
)
def test_wrong_verdicts_are_named(verdicts: Any, weights: Any, message: str) -> None:
    """One line with what was given."""
    with pytest.raises(InputError, match=message):
        _ = checked_verdicts(verdicts, 3), checked_weights(weights, 3)


def test_positions_to_forget_are_given_in_one_of_two_ways() -> None:
    """By their numbers, or as the last ones."""
    assert forgotten_positions(None, 2, 5).tolist() == [3, 4]
    assert forgotten_positions([0, 4], None, 5).tolist() == [0, 4]
    for positions, last in (
        (None, None),
        ([1], 1),
        (None, 0),
        (None, 6),
        ([5], None),
        ([-1], None),
        ([0.5], None),
    ):
        with pytest.raises(InputError):
            forgotten_positions(positions, last, 5)

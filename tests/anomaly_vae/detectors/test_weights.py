"""Weights of rows: the laws of repetition, and fits with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.detectors._splits import split_rows
from anomaly_vae.detectors._weights import checked_weights, repeated_rows, repeated_splits, row_counts
from anomaly_vae.errors import CellTypeError

RANDOM = np.random.default_rng(0)
FRACTIONS = RANDOM.uniform(0.0, 3.0, 500)


@pytest.mark.parametrize("seed", range(5))
def test_whole_weights_are_the_counts(seed: int) -> None:
    weights = RANDOM.integers(0, 5, 100).astype(float)
    np.testing.assert_array_equal(row_counts(weights, seed), weights)


def test_fractions_are_rounded_to_their_mean() -> None:
    """Up or down, evenly: any range of rows has its weight, up to one row, and their mean is the weight."""
    counts = np.array([row_counts(FRACTIONS, seed) for seed in range(400)])
    assert ((counts == np.floor(FRACTIONS)) | (counts == np.ceil(FRACTIONS))).all()
    assert (np.abs(np.cumsum(counts - FRACTIONS, axis=1)) <= 1.0 + 1e-9).all()
    assert np.abs(counts.mean(axis=0) - FRACTIONS).max() < 0.12


def test_rows_are_repeated_as_often_as_they_count() -> None:
    """Exactly, unless another number of rows is wanted; their shares are then the same."""
    rows, counts = np.array([1, 3, 4]), np.array([9, 2, 9, 1, 5])
    np.testing.assert_array_equal(repeated_rows(rows, counts), [1, 1, 3, 4, 4, 4, 4, 4])
    more = repeated_rows(rows, counts, 800)
    np.testing.assert_array_equal(np.unique(more, return_counts=True)[1], [200, 100, 500])
    np.testing.assert_array_equal(repeated_rows(rows, np.zeros(5, dtype=np.int64)), rows)


@pytest.mark.parametrize(("fraction", "early_stopping"), [("auto", False), (0.3, True)])
def test_copies_of_a_row_are_on_one_side_of_a_split(fraction: Any, early_stopping: bool) -> None:
    """Parts have one size in all splits, and every calibration row is one row."""
    splits = split_rows(103, fraction, early_stopping, np.random.RandomState(0))
    again = repeated_splits(splits, row_counts(FRACTIONS[:103], 0))
    assert len({(len(split.train), len(split.watch)) for split in again}) == 1
    for before, after in zip(splits, again, strict=True):
        assert set(after.train) <= set(before.train)
        np.testing.assert_array_equal(after.calibration, before.calibration)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "one weight per row"),
        ([[1.0], [1.0], [1.0]], "one weight per row"),
        (["a", "b", "c"], "should hold numbers"),
        ([1.0, -0.5, 1.0], "row 1 has -0.5"),
        ([1.0, np.nan, 1.0], "row 1 has nan"),
        ([0.0, 5.0, 0.0], "1 weights above zero add up to 5 rows"),
        ([0.3, 0.3, 0.4], "3 weights above zero add up to 1 rows.* the number of rows"),
    ],
)
def test_other_weights_are_refused_with_the_row(weights: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_weights(weights, 3)


def mixture(n_rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of two kinds that differ in a number and a category; which are of the second."""
    random = np.random.default_rng(1)
    second = np.arange(n_rows) % 2 == 1
    numbers = random.normal(np.where(second, 6.0, 0.0), 1.0)
    words = np.where(random.random(n_rows) < 0.1, "c", np.where(second, "b", "a"))
    return pd.DataFrame({"x": numbers, "y": -numbers + random.normal(size=n_rows), "word": words}), second


def fit(X: Any, weights: Any = None, **parameters: Any) -> TabularVAEDetector:
    detector = TabularVAEDetector(max_steps=20, hidden_sizes=(8,), random_state=0, **parameters)
    return detector.fit(X, sample_weight=weights)


@pytest.mark.parametrize("parameters", [{}, {"validation_fraction": 0.3, "contamination": 0.1}])
def test_a_weight_of_0_is_an_absent_row_and_of_1_a_row(parameters: dict[str, Any]) -> None:
    """To the last bit, cross-fitted or not."""
    X, second = mixture(80)
    X.loc[second, "word"] = "d"
    absent = fit(X, np.where(second, 0, 1), **parameters)
    wanted = fit(X[~second], **parameters)
    np.testing.assert_array_equal(absent.score_samples(X), wanted.score_samples(X))
    assert absent.offset_ == wanted.offset_
    assert absent.schema_ == wanted.schema_


@pytest.mark.parametrize("n_rows", [80, 2_100])
def test_a_weight_is_a_number_of_rows(n_rows: int) -> None:
    """Scores are nearer to those of repeated rows than to those without weights, for each kind of row."""
    X, second = mixture(n_rows)
    weights = np.where(second, 1, 6)
    weighted, plain = fit(X, weights).score_samples(X), fit(X).score_samples(X)
    repeated = fit(X.loc[X.index.repeat(weights)].reset_index(drop=True)).score_samples(X)
    gaps = [np.median(scores[~second]) - np.median(scores[second]) for scores in (weighted, repeated, plain)]
    assert gaps[0] > gaps[2] + 1.0
    assert abs(gaps[0] - gaps[1]) < 0.5 * (gaps[1] - gaps[2])


def test_contamination_is_a_share_of_the_weighted_rows() -> None:
    X, second = mixture(80)
    weights = np.where(second, 1, 3)
    detector = fit(X, weights, contamination=0.2)
    share = weights[detector.predict(X) == -1].sum() / weights.sum()
    assert 0.15 <= share <= 0.2


def test_a_wrong_cell_has_its_row_in_the_whole_table() -> None:
    X = np.full((40, 1), 1.5, dtype=object)
    X[30, 0] = object()
    with pytest.raises(CellTypeError, match="row 30"):
        fit(X, np.where(np.arange(40) < 20, 0, 1))

"""Weights of rows as numbers of rows: how often each row is trained on, and splits with rows repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.detectors._splits import Positions, RowSplit
from anomaly_vae.errors import InputError
from anomaly_vae.sampling.sizes import MAX_TRAIN_ROWS

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_LEAST_ROWS = 2
_MOST = 2.0**53
"""Whole numbers above it are not exact."""


def checked_weights(weights: Any, n_rows: int) -> Floats:
    """Weights as floats of shape (n_rows,); raises InputError for any that cannot be numbers of rows."""
    try:
        checked = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("sample_weight should hold numbers, one per row") from None
    if checked.shape != (n_rows,):
        raise InputError(
            f"sample_weight.shape == {checked.shape}, expected {(n_rows,)}: give one weight per row"
        )
    wrong = np.flatnonzero(~(np.isfinite(checked) & (checked >= 0.0)))
    if len(wrong):
        raise InputError(
            f"sample_weight: row {wrong[0]} has {checked[wrong[0]]:g}; give finite numbers of at least 0"
        )
    total = checked.sum()
    if not _LEAST_ROWS <= total <= _MOST or np.count_nonzero(checked) < _LEAST_ROWS:
        raise InputError(
            f"sample_weight: {np.count_nonzero(checked)} weights above zero add up to {total:g} rows, and a "
            f"fit needs {_LEAST_ROWS}; a weight is the number of rows that a row counts as"
        )
    return checked


def row_counts(weights: Floats, seed: int) -> Counts:
    """Whole numbers of rows, shape (n_rows,), whose expectations are the weights.

    Whole weights are returned as they are. The fractions of others are rounded up or down by systematic
    sampling, so that the counts of any range of rows add up to its weights, up to one row.
    """
    whole = np.floor(weights)
    ends = np.floor(np.cumsum(weights - whole) + np.random.RandomState(seed).uniform())
    counts: Counts = (whole + np.diff(ends, prepend=0.0)).astype(np.int64)
    return counts


def repeated_rows(rows: Positions, counts: Counts, n_rows: int | None = None) -> Positions:
    """The rows, each as often as it counts, or ``n_rows`` of these at equal distances.

    By default they are no more than a training visits, or than there are rows. ``n_rows`` may be larger. Rows
    that all count 0 are returned as they are.
    """
    ends = np.cumsum(counts[rows])
    if not len(rows) or not ends[-1]:
        return rows
    size = min(int(ends[-1]), max(len(rows), MAX_TRAIN_ROWS)) if n_rows is None else n_rows
    places = np.floor((np.arange(size) + 0.5) * (ends[-1] / size))
    repeated: Positions = rows[np.searchsorted(ends, places, side="right")]
    return repeated


def repeated_splits(splits: Sequence[RowSplit], counts: Counts) -> list[RowSplit]:
    """Splits whose rows to train on and to watch are repeated; each calibration row stays one row.

    Copies of a row are in one part, and the parts of all splits have one size.
    """
    n_train = _mean_size([split.train for split in splits], counts)
    n_watched = _mean_size([split.watch for split in splits], counts)
    return [
        replace(
            split,
            train=repeated_rows(split.train, counts, n_train),
            watch=repeated_rows(split.watch, counts, n_watched),
        )
        for split in splits
    ]


def _mean_size(parts: Sequence[Positions], counts: Counts) -> int:
    """The mean number of rows of parts with all repetitions, at most that of a training."""
    sizes = [int(counts[rows].sum()) for rows in parts]
    return min(max(round(sum(sizes) / len(sizes)), 1), MAX_TRAIN_ROWS)

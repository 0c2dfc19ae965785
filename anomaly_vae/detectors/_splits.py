"""RowSplit: which rows a fit trains on, which it uses to make choices, and which calibrate thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.sampling.sizes import (
    MAX_CALIBRATION_ROWS,
    MAX_TRAIN_ROWS,
    n_held_out,
    n_held_out_rows,
    n_watched,
    n_watched_of,
)

N_FOLDS = 5
"""Folds of a small table."""

LEAST_ROWS, MOST_ROWS = 20, 2_000
"""Sizes of the tables that are cross-fitted."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class RowSplit:
    """Positions of rows in the training data.

    Attributes
    ----------
    train : array of int
        Rows to train on.
    watch : array of int
        Rows that are not trained on and that the fit uses: for early stopping and the weights of the members
        of a table, or to calibrate the statistics of an image's score against each other. The watched rows of
        a fold are its calibration rows.
    calibration : array of int
        Held-out rows that calibrate thresholds and p-values.
    """

    train: Positions
    watch: Positions
    calibration: Positions


Split = Callable[[np.random.RandomState], RowSplit]
"""Splits a table whose rows to hold out are given."""


def split_rows(
    n_rows: int, fraction: float | str, early_stopping: bool, random: np.random.RandomState
) -> list[RowSplit]:
    """The splits of a table: one, or one per fold of a small table.

    A small table is cross-fitted unless the user chose a fraction or early stopping: each fold is held out
    once, so that every row calibrates the model that was fitted without it. Folds have equal sizes; the up to
    four rows that remain are trained on in every split.

    Otherwise a fraction of the rows is held out for calibration, and a ninth of the others is watched. Early
    stopping watches half of the held-out rows instead.
    """
    order = random.permutation(n_rows)
    if is_cross_fitted(n_rows, fraction, early_stopping):
        size = n_rows // N_FOLDS
        folds = [np.sort(order[k * size : (k + 1) * size]) for k in range(N_FOLDS)]
        return [RowSplit(np.setdiff1d(order, fold), fold, fold) for fold in folds]
    n_out = n_held_out_rows(n_rows, fraction)
    held_out, rest = order[:n_out], order[n_out:]
    if early_stopping:
        return [_row_split(rest, held_out[: n_out // 2], held_out[n_out // 2 :])]
    n_out = n_watched(len(rest))
    return [_row_split(rest[n_out:], rest[:n_out], held_out)]


def given_split(
    held_out: ArrayLike | None, kept: Positions | slice, n_rows: int, early_stopping: bool
) -> Split | None:
    """The split of the rows that are kept of a table, if the rows to hold out are given, as a mask.

    Raises InputError unless the mask has the shape (n_rows,) and holds out some of the rows, but not all.
    """
    if held_out is None:
        return None
    mask = np.asarray(held_out)
    if mask.dtype != np.bool_ or mask.shape != (n_rows,):
        got = f"{mask.dtype} of shape {mask.shape}"
        raise InputError(f"held_out: wanted one boolean per row, shape {(n_rows,)}, got {got}")
    mask = mask[kept]
    n_out = int(np.count_nonzero(mask))
    if not 1 <= n_out < len(mask):
        raise InputError(f"held_out: got {n_out} of {len(mask)} rows; hold out at least one, but not all")
    return partial(_split_held_out, mask, early_stopping)


def is_cross_fitted(n_rows: int, fraction: float | str, early_stopping: bool) -> bool:
    """Whether ``split_rows`` returns several splits."""
    return isinstance(fraction, str) and not early_stopping and LEAST_ROWS <= n_rows <= MOST_ROWS


def n_calibration_rows(n_rows: int, fraction: float | str, early_stopping: bool) -> int:
    """Number of calibration rows that ``split_rows`` returns."""
    if is_cross_fitted(n_rows, fraction, early_stopping):
        return n_rows // N_FOLDS * N_FOLDS
    n_out = n_held_out_rows(n_rows, fraction)
    return min(n_out - (n_out // 2 if early_stopping else 0), MAX_CALIBRATION_ROWS)


def split_images(n_images: int, fraction: float | str, random: np.random.RandomState) -> RowSplit:
    """Hold out a fraction of the images; each part is in random order.

    A third of the held-out images (``watch``) calibrates the statistics of a score against each other, the
    rest calibrates the score. A single held-out image does both.
    """
    n_out = _n_held_out_images(n_images, fraction)
    order = random.permutation(n_images)
    held_out, train = order[:n_out], order[n_out:]
    n_compared = _n_watched_images(n_out)
    return RowSplit(train, held_out[: max(n_compared, 1)], held_out[n_compared:])


def n_calibration_images(n_images: int, fraction: float | str) -> int:
    """Number of calibration images that ``split_images`` returns."""
    n_out = _n_held_out_images(n_images, fraction)
    return n_out - _n_watched_images(n_out)


def _split_held_out(mask: NDArray[np.bool_], early_stopping: bool, random: np.random.RandomState) -> RowSplit:
    """The split of a mask: rows to watch are held out too, so that all others are trained on."""
    order = random.permutation(len(mask))
    held_out, train = order[mask[order]], order[~mask[order]]
    n_out = n_watched_of(len(held_out), len(train), early_stopping)
    return _row_split(train, held_out[:n_out], held_out[n_out:])


def _row_split(train: Positions, watch: Positions, calibration: Positions) -> RowSplit:
    """A split of rows in random order."""
    train, calibration = train[:MAX_TRAIN_ROWS], calibration[:MAX_CALIBRATION_ROWS]
    return RowSplit(np.sort(train), np.sort(watch), np.sort(calibration))


def _n_held_out_images(n_images: int, fraction: float | str) -> int:
    return n_held_out(n_images, fraction, auto=100, most=0.2, least=2)


def _n_watched_images(n_out: int) -> int:
    return max(n_out // 3, 1) if n_out > 1 else 0

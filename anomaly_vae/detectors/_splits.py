"""RowSplit: which rows a fit trains on, which it uses to make choices, and which calibrate thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.detectors._recipe import MAX_CALIBRATION_ROWS, MAX_TRAIN_ROWS

N_FOLDS = 5
"""Folds of a small table."""

LEAST_ROWS, MOST_ROWS = 20, 2_000
"""Sizes of the tables that are cross-fitted."""

MAX_WATCHED_ROWS = 2_000
_WATCHED = 9
"""One in this many rows that are not held out is watched."""

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
    n_held_out = _n_held_out_rows(n_rows, fraction)
    held_out, rest = order[:n_held_out], order[n_held_out:]
    if early_stopping:
        watch, held_out = held_out[: n_held_out // 2], held_out[n_held_out // 2 :]
    else:
        n_watched = min(len(rest) // _WATCHED, MAX_WATCHED_ROWS)
        watch, rest = rest[:n_watched], rest[n_watched:]
    calibration, train = held_out[:MAX_CALIBRATION_ROWS], rest[:MAX_TRAIN_ROWS]
    return [RowSplit(np.sort(train), np.sort(watch), np.sort(calibration))]


def is_cross_fitted(n_rows: int, fraction: float | str, early_stopping: bool) -> bool:
    """Whether ``split_rows`` returns several splits."""
    return isinstance(fraction, str) and not early_stopping and LEAST_ROWS <= n_rows <= MOST_ROWS


def n_calibration_rows(n_rows: int, fraction: float | str, early_stopping: bool) -> int:
    """Number of calibration rows that ``split_rows`` returns."""
    if is_cross_fitted(n_rows, fraction, early_stopping):
        return n_rows // N_FOLDS * N_FOLDS
    n_held_out = _n_held_out_rows(n_rows, fraction)
    watched = n_held_out // 2 if early_stopping else 0
    return min(n_held_out - watched, MAX_CALIBRATION_ROWS)


def split_images(n_images: int, fraction: float | str, random: np.random.RandomState) -> RowSplit:
    """Hold out a fraction of the images; each part is in random order.

    A third of the held-out images (``watch``) calibrates the statistics of a score against each other, the
    rest calibrates the score. A single held-out image does both.
    """
    n_held_out = _n_held_out_images(n_images, fraction)
    order = random.permutation(n_images)
    held_out, train = order[:n_held_out], order[n_held_out:]
    n_watched = _n_watched_images(n_held_out)
    return RowSplit(train, held_out[: max(n_watched, 1)], held_out[n_watched:])


def n_calibration_images(n_images: int, fraction: float | str) -> int:
    """Number of calibration images that ``split_images`` returns."""
    n_held_out = _n_held_out_images(n_images, fraction)
    return n_held_out - _n_watched_images(n_held_out)


def _n_held_out_rows(n_rows: int, fraction: float | str) -> int:
    return _n_held_out(n_rows, fraction, auto=1_000, most=0.25, least=1)


def _n_held_out_images(n_images: int, fraction: float | str) -> int:
    return _n_held_out(n_images, fraction, auto=100, most=0.2, least=2)


def _n_held_out(n_rows: int, fraction: float | str, *, auto: int, most: float, least: int) -> int:
    """Rows to hold out: "auto" is a tenth, but at least ``auto`` rows and at most a share of ``most``."""
    share = min(max(0.1, auto / n_rows), most) if isinstance(fraction, str) else fraction
    return min(max(round(share * n_rows), least), n_rows - 1)


def _n_watched_images(n_held_out: int) -> int:
    return max(n_held_out // 3, 1) if n_held_out > 1 else 0

"""RowSplit: which rows a fit trains on, which it uses to make choices, and which calibrate thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.detectors._recipe import MAX_CALIBRATION_ROWS, MAX_TRAIN_ROWS

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class RowSplit:
    """Positions of rows in the training data.

    Attributes
    ----------
    train : array of int
        Rows to train on.
    watch : array of int
        Held-out rows that the fit uses: rows for early stopping, or images that calibrate the statistics
        of a score against each other.
    calibration : array of int
        Held-out rows that calibrate thresholds and p-values.
    """

    train: Positions
    watch: Positions
    calibration: Positions


def split_rows(
    n_rows: int, fraction: float | str, early_stopping: bool, random: np.random.RandomState
) -> RowSplit:
    """Hold out a fraction of the rows of a table, at least one, for calibration.

    Early stopping chooses a model with held-out rows: it uses half of them, and calibration uses the other
    half. Without early stopping nothing is chosen, so the history may be computed on the calibration rows.
    """
    order = random.permutation(n_rows)
    n_held_out = _n_held_out_rows(n_rows, fraction)
    held_out, train = order[:n_held_out], order[n_held_out:][:MAX_TRAIN_ROWS]
    half = n_held_out // 2 if early_stopping else 0
    calibration = held_out[half:][:MAX_CALIBRATION_ROWS]
    watch = held_out[:half] if early_stopping else calibration
    return RowSplit(np.sort(train), np.sort(watch), np.sort(calibration))


def n_calibration_rows(n_rows: int, fraction: float | str, early_stopping: bool) -> int:
    """Number of calibration rows that ``split_rows`` returns."""
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
    return _n_held_out(n_rows, fraction, auto=50, least=1)


def _n_held_out_images(n_images: int, fraction: float | str) -> int:
    return _n_held_out(n_images, fraction, auto=100, least=2)


def _n_held_out(n_rows: int, fraction: float | str, *, auto: int, least: int) -> int:
    """Rows to hold out: "auto" is a tenth, but at least ``auto`` rows and at most a fifth."""
    share = min(max(0.1, auto / n_rows), 0.2) if isinstance(fraction, str) else fraction
    return min(max(round(share * n_rows), least), n_rows - 1)


def _n_watched_images(n_held_out: int) -> int:
    return max(n_held_out // 3, 1) if n_held_out > 1 else 0

"""Checks of what a user gives to ``learn`` and ``forget``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.states.verdicts import MAX_WEIGHT

Floats = NDArray[np.float64]


def forgotten_positions(positions: ArrayLike | None, last: int | None, n_verdicts: int) -> NDArray[np.int64]:
    """Positions of verdicts to forget; raises InputError unless they are given in one of two ways."""
    if (positions is None) == (last is None):
        raise InputError("forget takes the positions of verdicts or last=N, exactly one of them")
    if last is not None:
        if not isinstance(last, int | np.integer) or not 1 <= last <= n_verdicts:
            raise InputError(f"last should be a number from 1 to {n_verdicts} verdicts, got {last!r}")
        return np.arange(n_verdicts - int(last), n_verdicts)
    values = np.atleast_1d(np.asarray(positions))
    if values.dtype.kind not in "iu" or not ((values >= 0) & (values < n_verdicts)).all():
        raise InputError(
            f"positions should be whole numbers from 0 to {n_verdicts - 1}, got {positions!r:.50}"
        )
    return values.astype(np.int64)


def checked_verdicts(verdicts: ArrayLike, n_rows: int) -> NDArray[np.int8]:
    """+1 or -1 per row; raises InputError for anything else."""
    values = np.asarray(verdicts)
    if values.shape != (n_rows,):
        raise InputError(f"verdicts should have the shape ({n_rows},), one per row, got {values.shape}")
    is_known = values.dtype.kind in "fiu" and np.isin(values, (-1, 1)).all()
    if not is_known:
        wrong = next((v for v in values.tolist() if isinstance(v, bool) or v not in (-1, 1)), values.dtype)
        raise InputError(f"each verdict should be +1 (normal) or -1 (anomalous), got {wrong!r}")
    return values.astype(np.int8)


def checked_weights(weights: ArrayLike | None, n_rows: int) -> Floats:
    """One weight per row, 1 by default; raises InputError unless each is above 0 and bounded."""
    if weights is None:
        return np.ones(n_rows)
    values = np.asarray(weights)
    if values.shape != (n_rows,) or values.dtype.kind not in "fiu":
        raise InputError(
            f"weights should be {n_rows} numbers, one per row, got {values.dtype} {values.shape}"
        )
    wrong = ~((values > 0) & (values <= MAX_WEIGHT))
    if wrong.any():
        raise InputError(
            f"each weight should be above 0 and at most {MAX_WEIGHT:,.0f}, got {values[wrong][0]}"
        )
    return values.astype(np.float64)

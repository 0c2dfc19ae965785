"""Features of rows: what a correction of scores is computed from.

A row has one feature per column, how far its contribution is below the typical one, one for the latent term,
and one per encoded cell: which contributions are low, and in which direction the cells differ. All are signed
logarithms, because both have heavy tails.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.schema import Schema

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

MAX_BYTES = 16 * 2**20
"""Bytes of the features of calibration rows that a detector keeps."""


def features_of(contributions: Floats, typical: Floats, cells: NDArray[np.float32]) -> Singles:
    """Features of rows, shape (n_rows, n_columns + 1 + n_cells), single precision.

    Parameters
    ----------
    contributions : array of shape (n_rows, n_columns + 1)
        In nats, the latent term last.
    typical : array of shape (n_columns + 1,)
        The typical contributions.
    cells : array of shape (n_rows, n_cells)
        The encoded rows; a missing cell (NaN) counts as zero.
    """
    shortfalls = signed_log(typical - contributions)
    present = np.nan_to_num(cells.astype(np.float64), nan=0.0)
    # Adding zero turns -0.0 into 0.0, so that equal rows have equal bytes.
    return np.concatenate([shortfalls, signed_log(present)], axis=1, dtype=np.float32) + np.float32(0.0)


def n_features(schema: Schema) -> int:
    """Number of features of a row."""
    return len(schema.columns) + 1 + schema.n_cells


def owners_of(schema: Schema) -> NDArray[np.int64]:
    """The column of each feature; that of the latent term is the number of columns."""
    cells = [feature.owner for feature in schema.features for _ in range(feature.span.width)]
    return np.array([*range(len(schema.columns) + 1), *cells], dtype=np.int64)


def n_kept(n_rows: int, schema: Schema) -> int:
    """How many of n_rows calibration rows a detector keeps the features of."""
    return max(1, min(n_rows, MAX_BYTES // (4 * n_features(schema))))


def signed_log(values: Floats) -> Floats:
    """The logarithm of one plus the absolute value, with the sign of the value."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def shortfalls_of(features: Singles, n_columns: int) -> Floats:
    """Nats of each contribution below the typical one, shape (n_rows, n_columns + 1)."""
    logs = features[:, : n_columns + 1].astype(np.float64)
    return np.asarray(np.sign(logs) * np.expm1(np.abs(logs)))

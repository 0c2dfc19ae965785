"""One row of a table: the row as a detector takes it, and its cells in order of the columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomaly_vae.columns.frames import converted
from anomaly_vae.columns.table import take_rows
from anomaly_vae.displays._models import row_position


def one_row(detector: Any, X: Any, row: int) -> tuple[Any, list[Any]]:
    """The row at a position, shape (1, n_columns), and its cells."""
    X = converted(X)
    table = X if hasattr(X, "iloc") else np.asarray(X, dtype=None if _is_array(X) else object)
    if len(table.shape) == 2:
        position = row_position(row, len(table))
        table = take_rows(table, slice(position, position + 1))
    detector._checked(table)  # its message, if the columns are not those of the fit
    cells = [table.iloc[0, j] for j in range(table.shape[1])] if hasattr(table, "iloc") else list(table[0])
    return table, cells


def _is_array(X: Any) -> bool:
    return isinstance(X, np.ndarray) or np.asarray(X).dtype.kind not in "US"

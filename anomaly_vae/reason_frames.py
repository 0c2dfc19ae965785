"""reasons_frame: what lowered the scores of rows as a DataFrame, one line per row and column that cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Cells = Mapping[int, Any]
"""Cells of shape (n_rows,) by position of the reason."""


def reasons_frame(
    index: pd.Index,
    names: Sequence[str],
    changes: NDArray[np.float64],
    observed: Cells,
    expected: Cells,
    n_columns: int | None = None,
) -> pd.DataFrame:
    """A line for each change below 0: ``row``, ``column``, ``nats``, ``observed`` and ``expected``.

    Parameters
    ----------
    index : Index of shape (n_rows,)
        The names of the rows.
    names : sequence of str, of length n_names
        The names of the columns.
    changes : array of shape (n_rows, n_names)
        Nats above what is typical.
    observed, expected : mapping of int to array-like of shape (n_rows,)
        Cells by position in ``names``; without any, a cell is NaN.
    n_columns : int, optional
        Most lines per row; all by default.

    Returns
    -------
    DataFrame
        Rows in their order, the worst column of a row first.
    """
    import pandas as pd

    worst = np.argsort(changes, axis=1, kind="stable")[:, :n_columns]
    nats = np.take_along_axis(changes, worst, axis=1)
    rows, ranks = np.nonzero(nats < 0.0)
    columns = worst[rows, ranks]
    frame = pd.DataFrame({"row": index.take(rows), "column": pd.Series(names).take(columns).array})
    frame["nats"] = nats[rows, ranks]
    frame["observed"] = _cells(observed, rows, columns)
    frame["expected"] = _cells(expected, rows, columns)
    return frame


def columns_of(table: Any) -> dict[int, Any]:
    """The columns of a DataFrame or array by position."""
    if hasattr(table, "iloc"):
        return {j: table.iloc[:, j] for j in range(table.shape[1])}
    return dict(enumerate(np.asarray(table).T))


def _cells(cells: Cells, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> pd.Series:
    """The cells at these positions: numbers if all are numbers, else objects."""
    import pandas as pd

    found = np.full(len(rows), np.nan, dtype=object)
    for j in np.unique(columns).tolist():
        if j in cells:
            chosen = columns == j
            found[chosen] = pd.Series(cells[j]).array[rows[chosen]].astype(object)
    return pd.Series(found, dtype=object).infer_objects()

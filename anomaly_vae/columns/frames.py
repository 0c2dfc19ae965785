"""Frames of other libraries, such as Polars or DuckDB, as pandas frames; and rows in the form of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly_vae.columns.cells import as_text
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def as_pandas(X: Any) -> Any:
    """X as a pandas DataFrame if it is a frame of another library, else X itself.

    Such a frame has the method ``to_pandas``, or gives an Arrow stream by the Arrow PyCapsule interface.
    Raises InputError for the latter with pandas before version 3, which cannot read it.
    """
    if isinstance(X, np.ndarray) or hasattr(X, "iloc"):
        return X
    if hasattr(X, "to_pandas"):
        return X.to_pandas()
    if not hasattr(X, "__arrow_c_stream__"):
        return X
    import pandas as pd

    from_arrow: Any = getattr(pd.DataFrame, "from_arrow", None)
    if from_arrow is None:
        raise InputError(
            f"a {type(X).__name__} can be read with pandas 3 or newer, got {pd.__version__}; upgrade it, or "
            f"convert the frame to pandas"
        )
    return from_arrow(X)


def like_frame(rows: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Rows of a model as a DataFrame with the columns, the index and, where possible, the dtypes of X.

    Expected values of integers are not integers and stay floats. So do those of a category that stands for
    all rare ones, and any others that a dtype cannot hold.
    """
    import pandas as pd

    if not isinstance(rows, pd.DataFrame):
        rows = pd.DataFrame(rows)
    cells = {j: _as_dtype(rows.iloc[:, j].set_axis(X.index), dtype) for j, dtype in enumerate(X.dtypes)}
    return pd.DataFrame(cells, index=X.index).set_axis(X.columns, axis=1)


def _as_dtype(cells: pd.Series, dtype: Any) -> pd.Series:
    """The cells in a dtype, or as they are if it cannot hold them."""
    import pandas as pd

    types = pd.api.types
    try:
        if isinstance(dtype, pd.DatetimeTZDtype):
            times: pd.Series = cells.dt.tz_localize(dtype.tz, ambiguous=True, nonexistent="shift_forward")
            return times.astype(dtype)
        if types.is_timedelta64_dtype(dtype):
            return pd.to_timedelta(cells, unit="s").astype(dtype)
        if isinstance(dtype, pd.CategoricalDtype):
            return _as_categories(cells, dtype)
        if types.is_integer_dtype(dtype) and types.is_float_dtype(cells.dtype):
            return cells
        return cells.astype(dtype)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return cells


def _as_categories(cells: pd.Series, dtype: pd.CategoricalDtype) -> pd.Series:
    """The cells as categories, which the model knows as texts; raises ValueError for others."""
    import pandas as pd

    known = pd.Index(as_text(pd.Series(dtype.categories)), dtype=object)
    codes = known.get_indexer(pd.Index(as_text(cells), dtype=object))
    if (codes[cells.notna().to_numpy()] < 0).any():
        raise ValueError("a category is not one of the dtype")
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), index=cells.index)

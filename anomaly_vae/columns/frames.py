"""Tables of other libraries in the forms that are read, and rows of a model in the form of a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.cells import as_text
from anomaly_vae.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


MAX_DENSE_BYTES = 2**30
"""The largest array, in floats, that a sparse matrix is converted to; a fit needs several of this size."""


def converted(X: Any) -> Any:
    """A frame of another library as a pandas DataFrame, a sparse matrix as an array; else X itself.

    Such a frame has the method ``to_pandas``, or gives an Arrow stream by the Arrow PyCapsule interface, as
    those of Polars and DuckDB do. A sparse matrix or array is one of SciPy.

    Raises
    ------
    InputError
        For an Arrow stream with pandas before version 3, which cannot read it, and for a sparse matrix that
        would take more than ``MAX_DENSE_BYTES``.
    """
    if isinstance(X, np.ndarray) or hasattr(X, "iloc"):
        return X
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        return _dense(X)
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


def _dense(X: Any) -> NDArray[Any]:
    n_bytes = 8 * math.prod(X.shape)
    if n_bytes > MAX_DENSE_BYTES:
        raise InputError(
            f"a sparse matrix of shape {X.shape} would take {n_bytes / 2**30:,.1f} GiB as an array, and the "
            f"limit is {MAX_DENSE_BYTES / 2**30:g} GiB; put TruncatedSVD before the detector in a Pipeline, "
            f"or give fewer columns, or fewer rows at a time"
        )
    dense: NDArray[Any] = X.toarray()
    return dense


def from_rows(X: Any) -> NDArray[Any]:
    """Rows in a list as an array, of objects if numpy would convert numbers to text."""
    array = np.asarray(X)
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array


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

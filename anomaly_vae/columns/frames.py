"""as_pandas: a frame of another library, such as Polars or DuckDB, as one of pandas."""

from __future__ import annotations

from typing import Any

import numpy as np

from anomaly_vae.errors import InputError


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

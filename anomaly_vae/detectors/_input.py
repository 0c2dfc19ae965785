"""as_table: the table that a user gives, as a DataFrame or a two-dimensional array."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from anomaly_vae.columns.frames import converted, from_rows
from anomaly_vae.columns.table import Table, column_names
from anomaly_vae.errors import InputError

_LEAST_ROWS = 2
_SHORT = 4096
"""Rows of a frame that may be copied into one array before it is read."""

_FLOATS = frozenset({np.dtype(np.float32), np.dtype(np.float64)})


def as_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Table:
    """X after the checks of scikit-learn; with ``reset=True`` its columns are stored on the estimator.

    NaN, infinities and objects are accepted; the encoder handles them. Raises ValueError for complex, empty
    or one-dimensional input and for columns other than those of ``fit``. Frames of other libraries are
    converted to pandas, and sparse matrices to arrays.
    """
    if not reset and _is_plain(estimator, X):
        return X  # type: ignore[no-any-return]
    if not reset and _is_plain_frame(estimator, X):
        return np.asarray(X.to_numpy())
    X = converted(X)
    least_rows = _LEAST_ROWS if reset else 1
    if isinstance(X, pd.DataFrame):
        column_names(X)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        _check_size(X, least_rows)
        _check_not_complex(X)
        return X
    if isinstance(X, list | tuple):
        X = from_rows(X)
    checked: Table = validate_data(
        estimator, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=least_rows
    )
    return checked


def _is_plain(estimator: BaseEstimator, X: Any) -> bool:
    """Whether X is an array that passes the checks of scikit-learn, which take as long as scoring a row."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    )


def _is_plain_frame(estimator: BaseEstimator, X: Any) -> bool:
    """Whether X is a short frame of floats with the columns of the fit, which passes all checks."""
    return (
        type(X) is pd.DataFrame
        and 0 < len(X) <= _SHORT
        and hasattr(estimator, "feature_names_in_")
        and X.columns.equals(_index_of(tuple(estimator.feature_names_in_)))
        and _FLOATS.issuperset(X.dtypes)
    )


@lru_cache(maxsize=64)
def _index_of(names: tuple[str, ...]) -> pd.Index:
    """The names as an Index, which pandas compares fastest; cached."""
    return pd.Index(names)


def _check_not_complex(X: pd.DataFrame) -> None:
    for name, dtype in X.dtypes.items():
        if pd.api.types.is_complex_dtype(dtype):
            raise InputError(
                f"Complex data not supported: column {name!r} has type {dtype}; give real numbers"
            )


def _check_size(X: pd.DataFrame, least_rows: int) -> None:
    if X.shape[1] < 1:
        raise InputError(f"found 0 feature(s) (shape={X.shape}) while a minimum of 1 is required")
    if len(X) < least_rows:
        raise InputError(
            f"found {len(X)} row(s), n_samples={len(X)}, while a minimum of {least_rows} is required."
        )

"""The detector at the end of a Pipeline and what its steps make of rows, and the checks of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.decisions import Decisions
from anomaly_vae.errors import InputError
from anomaly_vae.explanations import TableExplanations

Floats = NDArray[np.float64]


def detector_of(estimator: Any) -> Any:
    """The fitted detector or scorer: the estimator itself, or the last step of a Pipeline.

    Raises NotFittedError before ``fit``, InputError for anything else.
    """
    detector = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if not isinstance(detector, Decisions):
        raise InputError(
            f"a display takes a fitted detector, a scorer, or a Pipeline that ends in a detector, got "
            f"{type(detector).__name__}"
        )
    detector._check_is_fitted()
    if hasattr(detector, "model_of"):
        raise InputError(
            f"a display shows one threshold, and {type(detector).__name__} has one for each key: give its "
            f"model_of(key), with rows without the key, or its shared_"
        )
    return detector


def table_detector_of(estimator: Any, display: str) -> Any:
    """``detector_of``; raises InputError for a model of images."""
    detector = detector_of(estimator)
    if not isinstance(detector, TableExplanations):
        raise InputError(f"{display} shows columns of a table, got {type(detector).__name__}")
    return detector


def rows_of(estimator: Any, X: Any) -> Any:
    """X as the detector of a Pipeline receives it."""
    is_pipeline = hasattr(estimator, "steps") and len(estimator.steps) > 1
    return estimator[:-1].transform(X) if is_pipeline else X


def are_anomalous(y: ArrayLike, n_rows: int) -> NDArray[np.bool_]:
    """Which rows are labelled anomalous, shape (n_rows,): True, -1 (of -1 and 1), or 1 (of 0 and 1).

    Raises InputError for another number of labels, for other labels, and for labels that are all 1, which
    have two meanings.
    """
    labels = np.asarray(y)
    if labels.shape != (n_rows,):
        raise InputError(f"y should have one label per row, shape ({n_rows},), got {labels.shape}")
    if labels.dtype.kind == "b":
        return labels
    distinct = set(np.unique(labels).tolist()) if labels.dtype.kind in "iuf" else None
    if distinct in ({-1, 1}, {-1}):
        return np.asarray(labels == -1)
    if distinct in ({0, 1}, {0}):
        return np.asarray(labels == 1)
    raise InputError("y should be True for anomalous rows, -1 (normal rows 1), or 1 (normal rows 0)")


def finite_values(name: str, values: ArrayLike, n_dimensions: int = 1) -> Floats:
    """An array of finite floats, at least one; raises InputError for others."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != n_dimensions or not array.size or not np.isfinite(array).all():
        raise InputError(
            f"{name} should be a {n_dimensions}-dimensional array of finite numbers, got shape {array.shape}"
        )
    return array


def row_position(row: int, n_rows: int) -> int:
    """A position of a row, from 0; raises InputError if it is not one."""
    if isinstance(row, bool) or not isinstance(row, int | np.integer) or not 0 <= row < n_rows:
        raise InputError(f"row should be a position from 0 to {n_rows - 1}, got {row!r}")
    return int(row)

"""as_images: the images of a user as one array (n_images, height, width, n_channels)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from anomaly_vae.errors import InputError
from anomaly_vae.image_arrays import checked_size, shown_size

_LEAST_IMAGES = 2
_WHITE = {"uint8": 255.0, "uint16": 65535.0}


def as_images(estimator: BaseEstimator, X: Any, *, reset: bool) -> NDArray[Any]:
    """X after the checks of scikit-learn, as (n_images, height, width, n_channels) with its own dtype.

    With ``reset=True`` the size is stored on the estimator as ``image_size_`` and ``channels_``. Raises
    InputError for images of another size, ValueError for pixels that are not finite numbers.
    """
    shape = np.shape(X) if isinstance(X, np.ndarray) else None
    if shape is None and not hasattr(X, "columns"):
        X = np.asarray(X) if not hasattr(X, "toarray") else X
        shape = np.shape(X)
    size = None
    if shape is not None and len(shape) in (3, 4):
        wanted = (
            (estimator.image_size, estimator.channels)
            if reset
            else (estimator.image_size_, estimator.channels_)
        )
        size = checked_size(shape, *wanted, is_fitted=not reset)
    rows = X.reshape(len(X), -1) if size is not None else X
    least = _LEAST_IMAGES if reset else 1
    checked: NDArray[Any] = validate_data(
        estimator, rows, reset=reset, dtype="numeric", ensure_min_samples=least
    )
    if size is None and reset:
        size = _flattened_size(estimator, checked.shape[1])
    if reset:
        assert size is not None
        estimator.image_size_, estimator.channels_ = size[:2], size[2]
        estimator.flattened_, estimator.has_channels_ = rows is X, shape is not None and len(shape) == 4
    return checked.reshape(len(checked), *estimator.image_size_, estimator.channels_)


def learned_range(X: NDArray[Any]) -> tuple[float, float]:
    """Values of black and white: those of uint8, uint16 or floats in [0, 1], otherwise the range of X."""
    white = _WHITE.get(X.dtype.name)
    if white is not None:
        return 0.0, white
    low, high = float(X.min()), float(X.max())
    if low >= 0.0 and high <= 1.0 and X.dtype.kind == "f":
        return 0.0, 1.0
    return (low, high) if high > low else (low, low + 1.0)


def _flattened_size(estimator: BaseEstimator, n_features: int) -> tuple[int, int, int]:
    """Height, width and channels of flattened images."""
    channels = 1 if estimator.channels == "auto" else int(estimator.channels)
    if estimator.image_size != "auto":
        height, width = estimator.image_size
        if estimator.channels == "auto" and n_features == 3 * height * width:
            channels = 3
        if n_features != height * width * channels:
            raise InputError(
                f"X has {n_features} columns, but images of {shown_size(estimator.image_size, channels)} "
                f"have {height * width * channels}; give their image_size and channels"
            )
        return height, width, channels
    if n_features % channels:
        raise InputError(f"X has {n_features} columns, not a multiple of channels={channels}; check channels")
    n_pixels = n_features // channels
    side = math.isqrt(n_pixels)
    return (side, side, channels) if side * side == n_pixels else (1, n_pixels, channels)

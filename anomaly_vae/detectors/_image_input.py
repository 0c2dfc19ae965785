"""as_images: the images of a user as one array (n_images, height, width, n_channels)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from anomaly_vae.errors import InputError

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
    size = _size(estimator, shape, reset=reset) if shape is not None and len(shape) in (3, 4) else None
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


def _size(estimator: BaseEstimator, shape: tuple[int, ...], *, reset: bool) -> tuple[int, int, int]:
    """Height, width and channels of an array of images, checked against the parameters or the fit."""
    height, width, channels = (*shape[1:], 1)[:3]
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] > 4:
        raise InputError(
            f"X has shape {shape}, channels first; wanted (n_images, height, width, channels). Move them "
            f"last with X.transpose(0, 2, 3, 1)"
        )
    wanted = (
        (estimator.image_size, estimator.channels) if reset else (estimator.image_size_, estimator.channels_)
    )
    fits_size = wanted[0] == "auto" or tuple(wanted[0]) == (height, width)
    if not fits_size or wanted[1] not in ("auto", channels):
        asked = "image_size and channels are set to" if reset else "the model was fitted on"
        raise InputError(
            f"X has images of {height} x {width} pixels and {channels} channel(s), but {asked} "
            f"{_shown(*wanted)}; resize or convert them first"
        )
    return height, width, channels


def _flattened_size(estimator: BaseEstimator, n_features: int) -> tuple[int, int, int]:
    """Height, width and channels of flattened images."""
    channels = 1 if estimator.channels == "auto" else int(estimator.channels)
    if estimator.image_size != "auto":
        height, width = estimator.image_size
        if estimator.channels == "auto" and n_features == 3 * height * width:
            channels = 3
        if n_features != height * width * channels:
            raise InputError(
                f"X has {n_features} columns, but images of {_shown(estimator.image_size, channels)} have "
                f"{height * width * channels}; give their image_size and channels"
            )
        return height, width, channels
    if n_features % channels:
        raise InputError(f"X has {n_features} columns, not a multiple of channels={channels}; check channels")
    n_pixels = n_features // channels
    side = math.isqrt(n_pixels)
    return (side, side, channels) if side * side == n_pixels else (1, n_pixels, channels)


def _shown(size: Any, channels: Any) -> str:
    pixels = "any size" if size == "auto" else f"{size[0]} x {size[1]} pixels"
    return f"{pixels} and {'any number of' if channels == 'auto' else channels} channel(s)"

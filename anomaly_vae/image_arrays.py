"""Arrays of images: their sizes, checked against those that a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError

Size = tuple[int, int, int]


def checked_size(shape: Sequence[int], size: Any, channels: Any, *, is_fitted: bool) -> Size:
    """Height, width and channels of an array (n_images, height, width[, channels]).

    Parameters
    ----------
    shape : sequence of int
        The shape of the array.
    size, channels : tuple of int and int, or "auto"
        What is wanted; "auto" takes any.
    is_fitted : bool
        Whether they come from a fit, not from the parameters of a detector; for the message.

    Raises
    ------
    InputError
        For other sizes, and for channels before the height.
    """
    height, width, n_channels = (*shape[1:], 1)[:3]
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] > 4:
        raise InputError(
            f"X has shape {tuple(shape)}, channels first; wanted (n_images, height, width, channels). Move "
            f"them last with X.transpose(0, 2, 3, 1)"
        )
    fits_size = isinstance(size, str) or tuple(size) == (height, width)
    if not fits_size or channels not in ("auto", n_channels):
        asked = "the model was fitted on" if is_fitted else "image_size and channels are set to"
        raise InputError(
            f"X has images of {height} x {width} pixels and {n_channels} channel(s), but {asked} "
            f"{shown_size(size, channels)}; resize or convert them first"
        )
    return height, width, n_channels


def shown_size(size: Any, channels: Any) -> str:
    """A size for people."""
    pixels = "any size" if isinstance(size, str) else f"{size[0]} x {size[1]} pixels"
    return f"{pixels} and {'any number of' if channels == 'auto' else channels} channel(s)"


def fitted_images(X: Any, size: tuple[int, int], channels: int) -> NDArray[Any]:
    """Images for a fitted model as (n_images, height, width, n_channels), with their own dtype.

    They may be flattened to (n_images, height * width * channels).

    Raises
    ------
    InputError
        For another size, no images, and pixels that are not finite numbers.
    """
    array = _numbers(X)
    n_values = size[0] * size[1] * channels
    if array.ndim in (3, 4):
        checked_size(array.shape, size, channels, is_fitted=True)
    elif array.ndim != 2 or array.shape[1] != n_values:
        raise InputError(
            f"X has shape {array.shape}, but the model was fitted on images of {shown_size(size, channels)}; "
            f"wanted (n_images, {size[0]}, {size[1]}{f', {channels}' * (channels > 1)}) or "
            f"(n_images, {n_values})"
        )
    if not len(array):
        raise InputError("X has no images; give at least one")
    if array.dtype.kind == "f":
        is_finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not is_finite.all():
            raise InputError(
                f"image {int(is_finite.argmin())} of X has pixels that are not finite numbers; leave it out, "
                f"or replace them"
            )
    return array.reshape(len(array), *size, channels)


def _numbers(X: Any) -> NDArray[Any]:
    array = np.asarray(X)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "X holds values that are not numbers; give images of one size as numbers"
            ) from None
    if array.dtype.kind not in "fiub":
        raise InputError(f"images of {array.dtype} cannot be scored; give integers or floats")
    return array

"""Arrays of images: what is read, and what each error says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError
from anomaly_vae.image_arrays import checked_size, fitted_images, shown_size

GREY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "X",
    [
        GREY,
        GREY[..., None],
        GREY.reshape(2, 12),
        GREY.tolist(),
        GREY.astype(object),
        pd.DataFrame(GREY.reshape(2, 12)),
    ],
)
def test_the_form_of_images_does_not_matter(X: Any) -> None:
    """Flat or not, with an axis of channels or without, as numbers of any kind."""
    images = fitted_images(X, (3, 4), 1)
    assert images.shape == (2, 3, 4, 1)
    assert (images[..., 0] == GREY).all()


def test_pixels_keep_their_type() -> None:
    """They are converted a block at a time."""
    assert fitted_images(GREY, (3, 4), 1).dtype == np.uint8
    assert fitted_images(np.zeros((1, 2, 2, 3), np.float32), (2, 2), 3).dtype == np.float32


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (GREY[:, :2], "images of 2 x 4 pixels and 1 channel.* fitted on 3 x 4 pixels and 1 channel"),
        (np.zeros((2, 3, 4, 3)), r"3 channel\(s\), but the model was fitted on"),
        (np.zeros((2, 1, 30, 40)), "channels first"),
        (np.zeros((2, 11)), r"wanted \(n_images, 3, 4\) or \(n_images, 12\)"),
        (np.zeros(12), "has shape"),
        (GREY[:0], "no images"),
        (np.where(np.arange(24).reshape(2, 12) == 20, np.nan, 0.0), "image 1 of X .* not finite"),
        (np.full((1, 3, 4), "a"), "cannot be scored"),
        (np.full((1, 3, 4), "a", dtype=object), "not numbers"),
        (GREY.astype(complex), "cannot be scored"),
    ],
)
def test_other_arrays_are_rejected(X: Any, message: str) -> None:
    """In one line that says what was wanted."""
    with pytest.raises(InputError, match=message) as caught:
        fitted_images(X, (3, 4), 1)
    assert "\n" not in str(caught.value)


def test_a_size_that_may_be_any_is_taken_from_the_array() -> None:
    """And a wanted one is shown."""
    assert checked_size((5, 3, 4), "auto", "auto", is_fitted=False) == (3, 4, 1)
    assert shown_size("auto", "auto") == "any size and any number of channel(s)"
    with pytest.raises(InputError, match="image_size and channels are set to 9 x 9 pixels and 1"):
        checked_size((5, 3, 4), (9, 9), 1, is_fitted=False)

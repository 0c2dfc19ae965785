"""Synthetic images that tests of detectors and of scorers share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Images = NDArray[Any]

SIDE = 40


def plates(n_images: int, seed: int, channels: int = 0) -> Images:
    """Synthetic images of plates: texture, a bright rim, light from the left or right; uint8."""
    random = np.random.default_rng(seed)
    shape = (n_images, SIDE, SIDE, channels) if channels else (n_images, SIDE, SIDE)
    texture = ndimage.gaussian_filter(random.normal(size=shape), (0, 0.7, 2.0, *[0] * bool(channels)))
    light = 1.0 + random.uniform(-0.3, 0.3, (n_images, *[1] * (texture.ndim - 1))) * np.linspace(
        -1, 1, SIDE
    ).reshape(1, 1, SIDE, *[1] * bool(channels))
    rim = np.ones((SIDE, SIDE))
    rim[:3], rim[:, :3] = 1.5, 1.5
    image = 100.0 * (light + 0.15 * texture) * rim.reshape(1, SIDE, SIDE, *[1] * bool(channels))
    return np.clip(image, 0, 255).astype(np.uint8)


def scratched(images: Images, seed: int) -> tuple[Images, NDArray[np.bool_]]:
    """The images with a short dark scratch each, and the masks of the scratches."""
    random = np.random.default_rng(seed)
    images, masks = images.copy(), np.zeros(images.shape[:3], dtype=bool)
    for image, mask in zip(images, masks, strict=True):
        y, x = random.integers(8, SIDE - 14, 2)
        mask[y : y + 2, x : x + 9] = True
        image[mask] = (0.6 * image[mask]).astype(np.uint8)
    return images, masks

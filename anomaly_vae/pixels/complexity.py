"""Complexity of an image: its size after lossless compression.

Image likelihoods are high for simple images (Nalisnick et al. 2019, "Do Deep Generative Models Know What They
Don't Know?"); adding the complexity compensates for this (Serrà et al. 2020, "Input complexity and
out-of-distribution detection with likelihood-based generative models").
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def complexities(images: NDArray[Any], pixel_range: tuple[float, float]) -> NDArray[np.float64]:
    """Size in nats of each image as 8-bit differences of neighbours under deflate, shape (n_images,)."""
    low, high = pixel_range
    sizes = np.empty(len(images))
    for k, image in enumerate(images):
        grey = np.clip((image.astype(np.float64) - low) / (high - low), 0.0, 1.0)
        coded = np.round(255.0 * grey).astype(np.uint8)
        sizes[k] = len(zlib.compress(np.diff(coded, axis=1, prepend=np.uint8(0)).tobytes(), 9))
    return sizes * 8.0 * math.log(2.0)

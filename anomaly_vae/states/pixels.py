"""The constants of the statistics of images, which torch and compiled models share."""

from __future__ import annotations

import math

DARKEST = 0.05
"""Added to pixels in [0, 1] before the logarithm: differences below it are sensor noise."""

N_DIRECTIONS = 12
"""Directions of oriented gradients."""

CELL = 4
"""Side in pixels of a cell of oriented gradients."""

FLAT = 0.05
"""Added to the edge strength of a neighbourhood before dividing by it."""

GRADIENT_BLUR, ENERGY_BLUR, CELL_BLUR = 0.7, 0.7, 1.5
"""Blur in pixels of the image, of its edge strength, and of the gradients of a direction."""

ERROR_BLUR = 0.5
"""Blur of the errors of patches, in positions."""

OWN_SCALE = 0.05
"""Added to the mean error of an image before dividing by it, in mean errors of the training images."""

TYPICAL_SPREAD = 0.1
"""Added to the spread of a position, as a share of its mean and of the mean spread."""

TINY = 1e-12


def n_cells(height: int, width: int) -> tuple[int, int]:
    """Cells of oriented gradients, down and across."""
    return math.ceil(height / CELL), math.ceil(width / CELL)


def n_gradients(height: int, width: int) -> int:
    """How many oriented gradients an image has."""
    return N_DIRECTIONS * math.prod(n_cells(height, width))


def blur_radius(sigma: float, n_pixels: int) -> int:
    """Radius in pixels of a Gaussian of ``sigma`` pixels on an axis of ``n_pixels``; 0 leaves it as it is."""
    return min(max(math.ceil(3.0 * sigma), 1), n_pixels - 1)

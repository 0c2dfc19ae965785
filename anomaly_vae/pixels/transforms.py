"""Transforms of images: plain torch, from tensors (n_images, n_channels, height, width) to tensors.

Pixels are in [0, 1] unless stated otherwise. The result for an image depends on that image alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from anomaly_vae.states.pixels import (
    CELL_BLUR,
    DARKEST,
    ENERGY_BLUR,
    FLAT,
    GRADIENT_BLUR,
    N_DIRECTIONS,
    blur_radius,
    n_cells,
)


def log_intensity(x: Tensor) -> Tensor:
    """Logarithm of brightness: changes of lighting are factors, which become shifts."""
    return torch.log(x.clamp_min(0.0) + DARKEST)


def intensity(y: Tensor) -> Tensor:
    """The inverse of ``log_intensity``."""
    return torch.exp(y) - DARKEST


def shrink(x: Tensor, factor: int) -> Tensor:
    """Means over squares of ``factor`` x ``factor`` pixels; incomplete squares are left out."""
    return functional.avg_pool2d(x, factor) if factor > 1 else x


def blur(x: Tensor, sigma: float) -> Tensor:
    """Convolution with a Gaussian of ``sigma`` pixels, reflected at the border."""
    for axis in (-2, -1):
        x = _blur_along(x, sigma, axis)
    return x


def _blur_along(x: Tensor, sigma: float, axis: int) -> Tensor:
    radius = blur_radius(sigma, x.shape[axis])
    if radius < 1:
        return x
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    n_channels = x.shape[1]
    if axis == -2:
        padded, weight = functional.pad(x, (0, 0, radius, radius), mode="reflect"), kernel.view(1, 1, -1, 1)
    else:
        padded, weight = functional.pad(x, (radius, radius, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1)
    return functional.conv2d(padded, weight.expand(n_channels, 1, -1, -1), groups=n_channels)


def oriented_gradients(x: Tensor) -> Tensor:
    """Square roots of the edge strength in each of twelve directions, in cells of 4 x 4 pixels.

    As in SIFT (Lowe 2004) and histograms of oriented gradients (Dalal & Triggs 2005), a shape is described
    by its edges, independent of contrast and of small shifts. The square root is that of RootSIFT
    (Arandjelovic & Zisserman 2012). Shape (n_images, 12, ceil(height / 4), ceil(width / 4)).
    """
    grey = blur(x.mean(dim=1, keepdim=True), GRADIENT_BLUR)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = 0.5 * (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2])
    down = 0.5 * (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1])
    angles = [2.0 * math.pi * k / N_DIRECTIONS for k in range(N_DIRECTIONS)]
    edges = torch.cat([functional.relu(across * math.cos(a) + down * math.sin(a)) for a in angles], dim=1)
    energy = blur(across.square() + down.square(), ENERGY_BLUR)
    edges = blur(edges / (energy.sqrt() + FLAT), CELL_BLUR)
    return functional.adaptive_avg_pool2d(edges, n_cells(*x.shape[-2:])).clamp_min(0.0).sqrt()


def jittered(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image rotated by up to 8 degrees, shifted by up to 6 % and scaled by up to 6 %, at random."""
    draw = 2.0 * torch.rand((4, len(x)), generator=generator, device=x.device) - 1.0
    angle, scale = draw[0] * math.radians(8.0), 1.0 + 0.06 * draw[1]
    rows = [scale * angle.cos(), -scale * angle.sin(), 0.12 * draw[2]]
    others = [scale * angle.sin(), scale * angle.cos(), 0.12 * draw[3]]
    affine = torch.stack([torch.stack(rows, dim=1), torch.stack(others, dim=1)], dim=1)
    grid = functional.affine_grid(affine, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def place(grid: Tensor, size: tuple[int, int], first: float, step: float) -> Tensor:
    """Values on a grid, interpolated at every pixel of (height, width) images.

    Point k of the grid is at pixel ``first + step * k`` (0 is the middle of the first pixel), along both
    axes; outside the grid, the value of the nearest point is used.
    """
    axes = []
    for n_pixels, n_points in zip(size, grid.shape[-2:], strict=True):
        pixels = torch.arange(n_pixels, dtype=grid.dtype, device=grid.device)
        axes.append(2.0 * (pixels - first) / step / max(n_points - 1, 1) - 1.0)
    down, across = torch.meshgrid(*axes, indexing="ij")
    points = torch.stack([across, down], dim=-1).expand(len(grid), -1, -1, -1)
    return functional.grid_sample(grid, points, padding_mode="border", align_corners=True)

"""AxisMap: a linear map along one axis of an image, such as a blur, as products with small matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.states.pixels import blur_radius

_TILE = 64
"""Outputs of one product, at least: the matrix of a long axis would be large and nearly empty."""


@dataclass(frozen=True)
class AxisMap:
    """A map whose outputs are weighted sums of a few neighbouring inputs.

    Attributes
    ----------
    index : array of shape (n_outputs, n_taps)
        Positions of the inputs; one that occurs twice counts twice.
    weight : array of shape (n_outputs, n_taps)
    n_inputs : int
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float64]
    n_inputs: int

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.index)

    def then(self, last: AxisMap) -> AxisMap:
        """The map that applies ``last`` to the outputs of this one."""
        index, weight = self.index[last.index], self.weight[last.index] * last.weight[:, :, None]
        return AxisMap(index.reshape(last.n_outputs, -1), weight.reshape(last.n_outputs, -1), self.n_inputs)

    def tiles(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """The inputs of consecutive outputs, and their weights (n_outputs of the tile, n_inputs of it)."""
        size = max(_TILE, math.isqrt(self.n_outputs))
        for start in range(0, self.n_outputs, size):
            index, weight = self.index[start : start + size], self.weight[start : start + size]
            first, stop = int(index.min()), int(index.max()) + 1
            matrix = np.zeros((len(index), stop - first))
            np.add.at(matrix, (np.arange(len(index))[:, None], index - first), weight)
            yield slice(first, stop), matrix.astype(np.float32)


def window_map(n_pixels: int, weights: NDArray[np.float64], stride: int = 1) -> AxisMap:
    """Weighted sums over windows that are inside the axis, ``stride`` pixels apart."""
    first = np.arange(0, n_pixels - len(weights) + 1, stride)
    return AxisMap(first[:, None] + np.arange(len(weights)), np.tile(weights, (len(first), 1)), n_pixels)


def blur_kernel(n_pixels: int, sigma: float) -> NDArray[np.float64]:
    """The weights of a Gaussian of ``sigma`` pixels, for an axis of ``n_pixels``."""
    radius = blur_radius(sigma, n_pixels)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(kernel / kernel.sum())


def blur_map(n_pixels: int, sigma: float) -> AxisMap:
    """Convolution with a Gaussian of ``sigma`` pixels, reflected at the border."""
    kernel = blur_kernel(n_pixels, sigma)
    radius = len(kernel) // 2
    index = np.abs(np.arange(n_pixels)[:, None] + np.arange(-radius, radius + 1))
    index = np.minimum(index, 2 * (n_pixels - 1) - index)
    return AxisMap(index, np.tile(kernel, (n_pixels, 1)), n_pixels)


def cells_map(n_pixels: int, n_cells: int) -> AxisMap:
    """Means over cells, which overlap by a pixel where their number does not divide the pixels."""
    first = np.arange(n_cells) * n_pixels // n_cells
    stop = -(-np.arange(1, n_cells + 1) * n_pixels // n_cells)
    index = first[:, None] + np.arange((stop - first).max())
    is_inside = index < stop[:, None]
    return AxisMap(np.minimum(index, n_pixels - 1), is_inside / (stop - first)[:, None], n_pixels)


def enlarge_map(n_inputs: int, n_pixels: int) -> AxisMap:
    """Linear interpolation of ``n_inputs`` squares of equal size at ``n_pixels`` pixels."""
    return _interpolation((np.arange(n_pixels) + 0.5) * n_inputs / n_pixels - 0.5, n_inputs)


def place_map(n_points: int, n_pixels: int, first: float, step: float) -> AxisMap:
    """Linear interpolation of points, of which point k is at pixel ``first + step * k``, at every pixel."""
    return _interpolation((np.arange(n_pixels) - first) / step, n_points)


def across(graph: Graph, x: str, along: AxisMap) -> str:
    """The map along the last axis of x."""
    parts = [
        graph.node("MatMul", _part(graph, x, inputs, -1, along), graph.constant(matrix.T))
        for inputs, matrix in along.tiles()
    ]
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=-1)


def down(graph: Graph, x: str, along: AxisMap) -> str:
    """The map along the last axis but one of x."""
    parts = [
        graph.node("MatMul", graph.constant(matrix), _part(graph, x, inputs, -2, along))
        for inputs, matrix in along.tiles()
    ]
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=-2)


def _part(graph: Graph, x: str, inputs: slice, axis: int, along: AxisMap) -> str:
    if inputs == slice(0, along.n_inputs):
        return x
    ends = [graph.integers([value]) for value in (inputs.start, inputs.stop, axis)]
    return graph.node("Slice", x, *ends)


def _interpolation(position: NDArray[Any], n_inputs: int) -> AxisMap:
    """Values at positions among the inputs; outside, that of the nearest input."""
    position = np.clip(position, 0.0, n_inputs - 1.0)
    before = np.floor(position).astype(np.int64)
    share = position - before
    index = np.stack([before, np.minimum(before + 1, n_inputs - 1)], axis=1)
    return AxisMap(index, np.stack([1.0 - share, share], axis=1), n_inputs)

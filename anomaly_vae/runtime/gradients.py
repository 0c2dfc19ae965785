"""add_gradients: the oriented gradients of one image, as operators of an ONNX graph.

The formulas are those of ``anomaly_vae.pixels.transforms``; tests compare the two.
"""

from __future__ import annotations

import math

import numpy as np

from anomaly_vae.runtime.axes import across, blur_kernel, blur_map, cells_map, down, window_map
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.states.pixels import (
    CELL_BLUR,
    ENERGY_BLUR,
    FLAT,
    GRADIENT_BLUR,
    N_DIRECTIONS,
    n_cells,
)

Size = tuple[int, int]


def add_gradients(graph: Graph, x: str, n_channels: int, size: Size) -> str:
    """Square roots of the edge strength by direction and cell, (1, n_gradients).

    ``x`` has shape (1, n_channels, height, width), with pixels in [0, 1].
    """
    grey = x
    if n_channels > 1:
        grey = graph.node("ReduceMean", x, axes=[1], keepdims=1)
    horizontal, vertical = _derivatives(graph, _smoothed(graph, grey, size), size)
    squares = [graph.node("Mul", part, part) for part in (horizontal, vertical)]
    energy = _blurred(graph, graph.node("Add", *squares), size, ENERGY_BLUR)
    strength = graph.node("Add", graph.node("Sqrt", energy), graph.floats(FLAT))
    edges = graph.node("Div", _directed(graph, horizontal, vertical, size), strength)
    for axis, apply in enumerate((down, across)):
        along = blur_map(size[axis], CELL_BLUR).then(cells_map(size[axis], n_cells(*size)[axis]))
        edges = apply(graph, edges, along)
    strengths = graph.node("Sqrt", graph.node("Max", edges, graph.floats(0.0)))
    return graph.node("Reshape", strengths, graph.integers([1, -1]))


def _smoothed(graph: Graph, x: str, size: Size) -> str:
    """The image, blurred so that flat areas stay flat to the last bit.

    It is padded first: a weight for a pixel and its reflection together would round differently.
    """
    kernels = [blur_kernel(side, GRADIENT_BLUR) for side in size]
    pads = [0, 0, *(len(kernel) // 2 for kernel in kernels)]
    x = graph.node("Pad", x, graph.integers(pads * 2), mode="reflect")
    for kernel, side, apply in zip(kernels, size, (down, across), strict=True):
        x = apply(graph, x, window_map(side + len(kernel) - 1, kernel))
    return x


def _blurred(graph: Graph, x: str, size: Size, sigma: float) -> str:
    for axis, apply in enumerate((down, across)):
        x = apply(graph, x, blur_map(size[axis], sigma))
    return x


def _derivatives(graph: Graph, x: str, size: Size) -> tuple[str, str]:
    """Half the differences of the neighbours on both sides, along rows and along columns.

    They are exactly 0 in flat areas, as those of a product with a matrix would not be. The square root of a
    rounding error would be large.
    """
    height, width = size
    padded = graph.node("Pad", x, graph.integers([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")

    def part(top: int, left: int) -> str:
        ends = [graph.integers(values) for values in ([top, left], [top + height, left + width], [2, 3])]
        return graph.node("Slice", padded, *ends)

    half = graph.floats(0.5)
    horizontal, vertical = (
        graph.node("Mul", graph.node("Sub", after, before), half)
        for after, before in ((part(1, 2), part(1, 0)), (part(2, 1), part(0, 1)))
    )
    return horizontal, vertical


def _directed(graph: Graph, horizontal: str, vertical: str, size: Size) -> str:
    """The derivative in each direction where it is positive, else 0, (1, n_directions, height, width)."""
    angles = 2.0 * math.pi * np.arange(N_DIRECTIONS) / N_DIRECTIONS
    both = graph.node("Concat", horizontal, vertical, axis=1)
    both = graph.node("Reshape", both, graph.integers([2, math.prod(size)]))
    directed = graph.node("MatMul", graph.floats(np.stack([np.cos(angles), np.sin(angles)], axis=1)), both)
    return graph.node("Reshape", graph.node("Relu", directed), graph.integers([1, N_DIRECTIONS, *size]))

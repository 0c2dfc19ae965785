"""AxisMap: linear maps along an axis, as torch computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from anomaly_vae.pixels.transforms import blur, place
from anomaly_vae.runtime.axes import (
    AxisMap,
    across,
    blur_kernel,
    blur_map,
    cells_map,
    down,
    enlarge_map,
    place_map,
    window_map,
)
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.session import ImageSession

SIZES = [(1, 1), (1, 9), (2, 3), (29, 40), (128, 61), (9, 200)]


def applied(x: NDArray[np.float32], *maps: AxisMap) -> NDArray[Any]:
    """One map along columns and one along rows, in ONNX Runtime."""
    graph = Graph()
    value = across(graph, down(graph, "x", maps[0]), maps[1])
    size = maps[0].n_outputs, maps[1].n_outputs
    inputs = [tensor("x", np.float32, 1, *x.shape[1:])]
    outputs = [(value, tensor("y", np.float32, 1, x.shape[1], *size))]
    return ImageSession(graph.model(inputs, outputs, producer_version="test"))(x)[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("map_of", "wanted"),
    [
        (lambda n: blur_map(n, 1.5), lambda x: blur(x, 1.5)),
        (
            lambda n: cells_map(n, -(-n // 4)),
            lambda x: functional.adaptive_avg_pool2d(x, [-(-n // 4) for n in x.shape[2:]]),
        ),
        (
            lambda n: enlarge_map(n, 3 * n + 1),
            lambda x: functional.interpolate(x, [3 * n + 1 for n in x.shape[2:]], mode="bilinear"),
        ),
        (
            lambda n: place_map(n, 2 * n + 5, 3.5, 2),
            lambda x: place(x, (2 * x.shape[2] + 5, 2 * x.shape[3] + 5), 3.5, 2),
        ),
    ],
    ids=["blur", "cells", "enlarge", "place"],
)
def test_maps_are_those_of_torch(
    size: tuple[int, int], map_of: Callable[[int], AxisMap], wanted: Callable[[Any], Any]
) -> None:
    """For images of any size."""
    x = np.random.default_rng(0).random((2, 3, *size), dtype=np.float32)
    result = applied(x, *map(map_of, size))
    np.testing.assert_allclose(result, wanted(torch.from_numpy(x).double()).numpy(), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 3])
def test_windows_inside_an_axis_are_summed(stride: int) -> None:
    """Each with the same weights."""
    weights = np.array([1.0, -2.0, 0.5])
    x = np.random.default_rng(0).random((1, 1, 1, 150), dtype=np.float32)
    wanted = np.convolve(x.ravel(), weights[::-1], mode="valid")[::stride]
    result = applied(x, blur_map(1, 1.0), window_map(150, weights, stride))
    np.testing.assert_allclose(result.ravel(), wanted, atol=1e-5)


def test_a_map_after_another_is_their_composition() -> None:
    """As one product."""
    x = np.random.default_rng(0).random((1, 2, 50, 1), dtype=np.float32)
    first, last, none = blur_map(50, 1.5), cells_map(50, 13), blur_map(1, 1.0)
    twice = applied(applied(x, first, none), last, none)
    np.testing.assert_allclose(applied(x, first.then(last), none), twice, atol=1e-6)


def test_a_flat_image_stays_flat_to_the_last_bit() -> None:
    """If its windows lie inside, with the same weights everywhere; a square root of a difference needs it."""
    kernel = blur_kernel(100, 0.7)
    flat = window_map(100 + len(kernel) - 1, kernel)
    x = np.full((1, 1, flat.n_inputs, flat.n_inputs), 0.3, dtype=np.float32)
    assert np.ptp(applied(x, flat, flat)) == 0.0


def test_long_axes_are_divided() -> None:
    """Their matrices stay small."""
    sizes = [matrix.size for _, matrix in blur_map(100_000, 1.5).tiles()]
    assert sum(sizes) < 400 * 100_000
    assert len(sizes) < 400

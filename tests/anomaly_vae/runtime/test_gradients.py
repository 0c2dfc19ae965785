"""add_gradients: oriented gradients, as torch computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anomaly_vae.pixels.transforms import oriented_gradients
from anomaly_vae.runtime.gradients import add_gradients
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.session import ImageSession
from anomaly_vae.states.pixels import n_gradients


def gradients(x: NDArray[np.float32]) -> NDArray[Any]:
    """Gradients of images (n_images, n_channels, height, width)."""
    graph, size = Graph(), (x.shape[2], x.shape[3])
    value = add_gradients(graph, "x", x.shape[1], size)
    inputs = [tensor("x", np.float32, 1, *x.shape[1:])]
    outputs = [(value, tensor("y", np.float32, 1, n_gradients(*size)))]
    return ImageSession(graph.model(inputs, outputs, producer_version="test"))(x)[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (28, 28), (30, 90)])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_gradients_are_those_of_torch(size: tuple[int, int], n_channels: int) -> None:
    """Of noise, and of smooth images."""
    x = np.random.default_rng(0).random((3, n_channels, *size), dtype=np.float32)
    x[1] = np.sort(x[1], axis=2)
    wanted = oriented_gradients(torch.from_numpy(x).double()).flatten(1).numpy()
    np.testing.assert_allclose(gradients(x), wanted, atol=1e-4)


@pytest.mark.parametrize("grey", [0.0, 0.3, 1.0])
def test_flat_areas_have_no_gradients(grey: float) -> None:
    """Not even those of rounding errors, whose square root would be large."""
    x = np.full((1, 1, 40, 70), grey, dtype=np.float32)
    assert (gradients(x) == 0.0).all()
    x[..., 50:] = 0.7
    assert (gradients(x).reshape(12, 10, 18)[:, :, :9] == 0.0).all()

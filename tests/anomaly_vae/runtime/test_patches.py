"""Patches: a linear VAE of patches, as torch computes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anomaly_vae.nn.conv import ConvVAE
from anomaly_vae.pixels.transforms import blur
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.patches import Patches
from anomaly_vae.runtime.session import ImageSession
from anomaly_vae.states.patches import PatchState
from anomaly_vae.states.pixels import ERROR_BLUR
from tests.anomaly_vae.runtime.pictures import random_patches


def module_of(state: PatchState) -> ConvVAE:
    """The module in double precision."""
    vae = ConvVAE(state.n_channels, state.patch, state.latent_dim)
    for name, values in vae.state_dict().items():
        values.copy_(torch.tensor(getattr(state, name)))
    return vae.double()


def run(graph: Graph, x: NDArray[np.float32], *values: tuple[str, tuple[int, ...]]) -> list[NDArray[Any]]:
    """Values of a graph for images, by their shapes."""
    inputs = [tensor("x", np.float32, 1, *x.shape[1:])]
    outputs = [(value, tensor(f"y{k}", np.float32, *shape)) for k, (value, shape) in enumerate(values)]
    return ImageSession(graph.model(inputs, outputs, producer_version="test"))(x)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_errors_are_those_of_torch(stride: int, n_channels: int) -> None:
    """At every position, relative to the mean square of a pixel."""
    random = np.random.default_rng(0)
    state = random_patches(random, (n_channels, 8, 5), 4)
    x = random.normal(size=(2, n_channels, 31, 20)).astype(np.float32)
    graph = Graph()
    patches = Patches(graph, state)
    places = patches.places((31, 20), stride)
    [result] = run(graph, x, (patches.errors("x", (31, 20), stride), (1, 1, *places)))
    wanted = blur(module_of(state).errors(torch.from_numpy(x).double(), stride), ERROR_BLUR)
    np.testing.assert_allclose(result, wanted.numpy(), atol=3e-6)


@pytest.mark.parametrize("size", [(16, 15), (17, 9), (8, 5)])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_bound_is_that_of_torch(size: tuple[int, int], n_channels: int) -> None:
    """Pixel by pixel, also where patches extend beyond the border."""
    random = np.random.default_rng(0)
    state = random_patches(random, (n_channels, 8, 5), 4)
    x = random.normal(size=(2, n_channels, *size)).astype(np.float32)
    graph = Graph()
    features, latent = Patches(graph, state).terms("x", size)
    results = run(graph, x, (features, (1, *size)), (latent, (1,)))
    wanted = module_of(state).elbo(torch.from_numpy(x).double())
    np.testing.assert_allclose(results[0], wanted.features.numpy(), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(results[1], wanted.latent.numpy(), rtol=1e-5, atol=1e-4)


def test_what_the_decoder_can_produce_has_no_error() -> None:
    """In a window of one patch."""
    random = np.random.default_rng(0)
    state = random_patches(random, (1, 8, 8), 4)
    x = state.mean + np.tensordot(random.normal(size=(3, 4)), state.directions, axes=1)
    graph = Graph()
    [result] = run(graph, x.astype(np.float32), (Patches(graph, state).errors("x", (8, 8), 1), (1, 1, 1, 1)))
    np.testing.assert_allclose(result, 0.0, atol=1e-6)

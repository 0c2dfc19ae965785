"""Whole: the VAE of whole images, as torch computes it."""

from __future__ import annotations

import numpy as np
import torch

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.whole import Whole
from tests.anomaly_vae.runtime.pictures import random_patches
from tests.anomaly_vae.runtime.test_patches import module_of, run


def test_latents_and_images_are_those_of_torch() -> None:
    """Posterior means, the image that they give, and the difference from the nearest output."""
    random = np.random.default_rng(0)
    state = random_patches(random, (3, 20, 11), 9)
    x = random.normal(size=(4, 3, 20, 11)).astype(np.float32)
    graph = Graph()
    whole, image = Whole(graph, state, "x"), (1, 3, 20, 11)
    values = [(whole.latents, (1, 9)), (whole.expected(), image), (whole.differences(), image)]
    latents, expected, differences = run(graph, x, *values)
    module, exact = module_of(state), torch.from_numpy(x).double()
    z = module.encode(exact)
    np.testing.assert_allclose(latents, z[:, :, 0, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(expected, module.decode(z).numpy(), atol=1e-5)
    np.testing.assert_allclose(differences, module.differences(exact).numpy(), atol=1e-5)


def test_bright_images_lose_no_precision() -> None:
    """The mean is subtracted before the sum over pixels."""
    random = np.random.default_rng(0)
    state = random_patches(random, (1, 30, 30), 9)
    state.mean[:] += 1000.0
    x = (state.mean + random.normal(size=(1, 1, 30, 30))).astype(np.float32)
    graph = Graph()
    [latents] = run(graph, x, (Whole(graph, state, "x").latents, (1, 9)))
    wanted = module_of(state).encode(torch.from_numpy(x).double())[:, :, 0, 0].numpy()
    np.testing.assert_allclose(latents, wanted, atol=1e-5)

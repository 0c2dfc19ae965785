"""Patches: a linear VAE of the patches of one image as operators of an ONNX graph.

Tensors are (1, n_channels, height, width). The formulas are those of ``anomaly_vae.nn.conv``, which computes
them on a GPU; tests compare the two.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.axes import across, blur_map, down, window_map
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.states.patches import PatchState
from anomaly_vae.states.pixels import ERROR_BLUR

Singles = NDArray[np.float32]
Size = tuple[int, int]

_LOG_2_PI = math.log(2.0 * math.pi)


class Patches:
    """Operators of one VAE.

    Parameters
    ----------
    graph : Graph
    state : PatchState
    """

    def __init__(self, graph: Graph, state: PatchState) -> None:
        self.graph, self.state = graph, state

    @cached_property
    def centre(self) -> Singles:
        """Coordinates of the mean, shape (latent_dim,)."""
        state = self.state
        return np.asarray((state.directions * state.mean).reshape(state.latent_dim, -1).sum(axis=1))

    def coordinates(self, x: str) -> str:
        """Coordinates of each adjacent patch, (1, latent_dim, n_down, n_across)."""
        weight, bias = self.graph.floats(self.state.directions), self.graph.floats(-self.centre)
        return self.graph.node("Conv", x, weight, bias, strides=list(self.state.patch))

    def composed(self, coordinates: str, factors: NDArray[Any], n_patches: Size) -> str:
        """The image with these coordinates, each multiplied by a factor, plus the mean.

        ``factors`` has shape (latent_dim,); ``n_patches`` is the number of patches down and across.
        """
        graph, state = self.graph, self.state
        weight = graph.floats(state.directions * factors[:, None, None, None])
        image = graph.node("ConvTranspose", coordinates, weight, strides=list(state.patch))
        return graph.node("Add", image, graph.floats(np.tile(state.mean, (1, *n_patches))[None]))

    def errors(self, x: str, size: Size, stride: int) -> str:
        """Mean squared distance of each patch from the decoder's range, (1, 1, n_down, n_across), blurred.

        ``size`` is the height and width of x.
        """
        graph, state = self.graph, self.state
        places = self.places(size, stride)
        k, n = state.latent_dim, math.prod(places)
        weight = np.concatenate([state.directions, -2.0 * state.mean[None]])
        bias = np.append(-self.centre, np.square(state.mean).sum())
        projected = graph.node("Conv", x, graph.floats(weight), graph.floats(bias), strides=[stride, stride])
        projected = graph.node("Reshape", projected, graph.integers([k + 1, n]))
        coordinates, rest = graph.nodes("Split", 2, projected, graph.integers([k, 1]), axis=0)
        within = graph.node(
            "MatMul", graph.floats(np.ones((1, k))), graph.node("Mul", coordinates, coordinates)
        )
        squares = self._channels_summed(graph.node("Mul", x, x))
        for axis, apply in enumerate((down, across)):
            squares = apply(graph, squares, window_map(size[axis], np.ones(state.patch[axis]), stride))
        shape = graph.integers([1, 1, *places])
        around = graph.node("Reshape", graph.node("Sub", rest, within), shape)
        distance = graph.node("Max", graph.node("Add", squares, around), graph.floats(0.0))
        for axis, apply in enumerate((down, across)):
            distance = apply(graph, distance, blur_map(places[axis], ERROR_BLUR))
        return graph.node("Mul", distance, graph.floats(1.0 / state.n_cells))

    def places(self, size: Size, stride: int) -> Size:
        """Number of positions of a patch, down and across."""
        rows, columns = ((n - side) // stride + 1 for n, side in zip(size, self.state.patch, strict=True))
        return rows, columns

    def terms(self, x: str, size: Size) -> tuple[str, str]:
        """The ELBO of adjacent patches in nats: a term per pixel (1, height, width), and the latent term.

        Patches that extend beyond the right or lower border are filled with the pixels at the border, which
        do not count.
        """
        graph, state = self.graph, self.state
        n_patches = -(-size[0] // state.patch[0]), -(-size[1] // state.patch[1])
        below, right = -size[0] % state.patch[0], -size[1] % state.patch[1]
        if below or right:
            x = graph.node("Pad", x, graph.integers([0, 0, 0, 0, 0, 0, below, right]), mode="edge")
        coordinates = self.coordinates(x)
        shares = np.square(state.loadings) / state.variances
        difference = graph.node("Sub", x, self.composed(coordinates, shares, n_patches))
        distance = graph.node("Mul", difference, difference)
        weights = np.square(state.loadings) * state.posterior_variances
        spread = np.square(state.directions) * weights[:, None, None, None]
        at_zero = -0.5 * (_LOG_2_PI + np.log(state.noise) + spread.sum(axis=0) / state.noise)
        nats = graph.node("Mul", distance, graph.floats(-0.5 / state.noise))
        nats = graph.node("Add", nats, graph.floats(np.tile(at_zero, (1, *n_patches))))
        nats = graph.node("ReduceSum", nats, graph.integers([1]), keepdims=0)
        if below or right:
            ends = [graph.integers(values) for values in ([0, 0], list(size), [1, 2])]
            nats = graph.node("Slice", nats, *ends)
        flat = graph.node("Reshape", coordinates, graph.integers([state.latent_dim, -1]))
        factors = (state.loadings / state.variances)[:, None]
        latents = graph.node("Mul", flat, graph.floats(factors))
        return nats, latent_term(graph, state, latents, math.prod(n_patches))

    def _channels_summed(self, x: str) -> str:
        if self.state.n_channels == 1:
            return x
        return self.graph.node("ReduceSum", x, self.graph.integers([1]), keepdims=1)


def latent_term(graph: Graph, state: PatchState, latents: str, n_patches: int) -> str:
    """-KL(q || p) in nats, summed over the patches, shape (1,).

    ``latents`` has two dimensions: the posterior means of the latents of all patches.
    """
    variance = state.posterior_variances.astype(np.float64)
    constant = -0.5 * n_patches * (variance - 1.0 - np.log(variance)).sum()
    squares = graph.node("ReduceSumSquare", latents, axes=[0, 1], keepdims=0)
    squares = graph.node("Reshape", squares, graph.integers([1]))
    return graph.node("Add", graph.node("Mul", squares, graph.floats(-0.5)), graph.floats([constant]))

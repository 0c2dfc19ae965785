"""Whole: the linear VAE of the whole image as operators of an ONNX graph."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.graph import Graph
from anomaly_vae.states.patches import PatchState

Singles = NDArray[np.float32]


class Whole:
    """Operators of the VAE, of which each is added to the graph at first use.

    Parameters
    ----------
    graph : Graph
    state : PatchState
        Of a patch with the size of the image.
    x : str
        The image, (1, n_channels, height, width).
    """

    def __init__(self, graph: Graph, state: PatchState, x: str) -> None:
        self.graph, self.state, self._x = graph, state, x

    @cached_property
    def coordinates(self) -> str:
        """Coordinates of the image, (1, latent_dim)."""
        return self.graph.node("MatMul", self._centred, self.graph.floats(self._directions.T))

    @cached_property
    def latents(self) -> str:
        """Posterior means of the latents, (1, latent_dim)."""
        factors = self.state.loadings / self.state.variances
        return self.graph.node("Mul", self.coordinates, self.graph.floats(factors[None]))

    def expected(self) -> str:
        """The image that is expected from the posterior means of the latents."""
        return self.decoded(self.latents)

    def decoded(self, latents: str) -> str:
        """The image that is expected from latents (1, latent_dim)."""
        image = self._composed(latents, self.state.loadings)
        image = self.graph.node("Reshape", image, self.graph.integers([1, *self.state.mean.shape]))
        return self.graph.node("Add", image, self.graph.floats(self.state.mean[None]))

    def differences(self) -> str:
        """The image minus the nearest output of the decoder."""
        nearest = self._composed(self.coordinates, np.ones(self.state.latent_dim, dtype=np.float32))
        differences = self.graph.node("Sub", self._centred, nearest)
        return self.graph.node("Reshape", differences, self.graph.integers([1, *self.state.mean.shape]))

    @property
    def _directions(self) -> Singles:
        return self.state.directions.reshape(self.state.latent_dim, -1)

    @cached_property
    def _centred(self) -> str:
        """The image minus the mean, (1, n_cells): the sum of many pixels that are not centred is inexact."""
        centred = self.graph.node("Sub", self._x, self.graph.floats(self.state.mean[None]))
        return self.graph.node("Reshape", centred, self.graph.integers([1, self.state.n_cells]))

    def _composed(self, coordinates: str, factors: Singles) -> str:
        weight = self._directions * factors[:, None]
        return self.graph.node("MatMul", coordinates, self.graph.floats(weight))

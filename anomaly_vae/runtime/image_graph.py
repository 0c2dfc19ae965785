"""The graphs of a model of images: one image to statistics, heat, terms of the ELBO, or codes.

The input of each is ``pixels`` (1, n_channels, height, width), 32-bit floats in [0, 1].
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly_vae._version import __version__
from anomaly_vae.runtime.axes import across, down, enlarge_map, place_map
from anomaly_vae.runtime.gradients import add_gradients
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import DOUBLE, tensor
from anomaly_vae.runtime.patches import Patches, latent_term
from anomaly_vae.runtime.whole import Whole
from anomaly_vae.states.image import ImageState
from anomaly_vae.states.patches import LevelState
from anomaly_vae.states.pixels import DARKEST, OWN_SCALE, TINY, TYPICAL_SPREAD, n_gradients

if TYPE_CHECKING:
    import onnx


def statistics_model(state: ImageState) -> onnx.ModelProto:
    """Outputs: ``powers`` (1, n_levels), the mean fourth power of the deviations, and ``gradients``."""
    image = _Image(state)
    powers = image.graph.node("Concat", *(image.power(level) for level in state.levels), axis=1)
    return image.model(
        [
            (powers, tensor("powers", np.float64, 1, len(state.levels))),
            (image.gradients(), tensor("gradients", np.float32, 1, n_gradients(*state.whole.patch))),
        ]
    )


def heat_model(state: ImageState) -> onnx.ModelProto:
    """Output: ``heat`` (1, height, width), the sum over levels of log(1 + error / typical error)."""
    image = _Image(state)
    heat = image.graph.total([image.heat(level) for level in state.levels])
    heat = image.graph.node("Reshape", heat, image.graph.integers([1, *state.size]))
    return image.model([(heat, tensor("heat", np.float32, 1, *state.size))])


def terms_model(state: ImageState) -> onnx.ModelProto:
    """Outputs in nats: ``features`` (1, height, width), ``latent`` (1,) and their sum ``total`` (1,)."""
    image = _Image(state)
    graph = image.graph
    features, inner = Patches(graph, state.patches).terms(image.detail, state.size)
    features = graph.node("Sub", features, graph.floats(state.excess[None]))
    whole = latent_term(graph, state.whole, image.whole.latents, 1)
    latent = graph.node("Sub", graph.node("Add", inner, whole), graph.floats(state.excess_latent))
    nats = graph.node("Cast", features, to=DOUBLE)
    total = graph.node("ReduceSum", nats, graph.integers([1, 2]), keepdims=0)
    total = graph.node("Add", total, graph.node("Cast", latent, to=DOUBLE))
    return image.model(
        [
            (features, tensor("features", np.float32, 1, *state.size)),
            (latent, tensor("latent", np.float32, 1)),
            (total, tensor("total", np.float64, 1)),
        ]
    )


def codes_model(state: ImageState) -> onnx.ModelProto:
    """Output: ``codes`` (1, latent_dim), the posterior means of the latents of the whole image."""
    image = _Image(state)
    return image.model([(image.whole.latents, tensor("codes", np.float32, 1, state.latent_dim))])


def expected_model(state: ImageState) -> onnx.ModelProto:
    """Input: ``codes`` (1, latent_dim). Output: ``pixels``, the expected image, in [0, 1]."""
    image = _Image(state)
    graph = image.graph
    logs = image.enlarged(Whole(graph, state.whole, "").decoded("codes"))
    pixels = graph.node("Sub", graph.node("Exp", logs), graph.floats(DARKEST))
    pixels = graph.node("Clip", pixels, graph.floats(0.0), graph.floats(1.0))
    inputs = [tensor("codes", np.float32, 1, state.latent_dim)]
    outputs = [(pixels, tensor("pixels", np.float32, 1, state.n_channels, *state.size))]
    return graph.model(inputs, outputs, producer_version=__version__)


class _Image:
    """The values of one image that several graphs need; each is added to the graph at first use."""

    def __init__(self, state: ImageState) -> None:
        self.state, self.graph = state, Graph()

    def model(self, outputs: list[tuple[str, Any]]) -> onnx.ModelProto:
        inputs = [tensor("pixels", np.float32, 1, self.state.n_channels, *self.state.size)]
        return self.graph.model(inputs, outputs, producer_version=__version__)

    @cached_property
    def log(self) -> str:
        """Log intensities."""
        graph = self.graph
        bright = graph.node("Max", "pixels", graph.floats(0.0))
        return graph.node("Log", graph.node("Add", bright, graph.floats(DARKEST)))

    @cached_property
    def small(self) -> str:
        """Log intensities of the shrunk image."""
        return self.shrunk(self.log, self.state.factor)

    @cached_property
    def whole(self) -> Whole:
        """The VAE of whole images."""
        return Whole(self.graph, self.state.whole, self.small)

    @cached_property
    def detail(self) -> str:
        """What the VAE of whole images leaves."""
        return self.graph.node("Sub", self.log, self.enlarged(self.whole.expected()))

    def shrunk(self, x: str, factor: int) -> str:
        """Means over squares of pixels; incomplete squares are left out."""
        if factor == 1:
            return x
        sides = [factor, factor]
        return self.graph.node("AveragePool", x, kernel_shape=sides, strides=sides)

    def enlarged(self, x: str) -> str:
        """An image of the VAE of whole images, interpolated to full size."""
        small, size = self.state.whole.patch, self.state.size
        if small == size:
            return x
        for axis, apply in enumerate((down, across)):
            x = apply(self.graph, x, enlarge_map(small[axis], size[axis]))
        return x

    def gradients(self) -> str:
        """Standardised oriented gradients, (1, n_gradients)."""
        graph, state = self.graph, self.state
        small = self.shrunk("pixels", state.factor)
        strengths = add_gradients(graph, small, state.n_channels, state.whole.patch)
        centred = graph.node("Sub", strengths, graph.floats(state.shape_centre[None]))
        return graph.node("Div", centred, graph.floats(state.shape_scale))

    def errors(self, level: LevelState) -> str:
        """Mean squared error at each position, (1, 1, n_down, n_across)."""
        graph, state = self.graph, self.state
        if level.vae is not None:
            size = state.size[0] // level.factor, state.size[1] // level.factor
            x = self.shrunk(self.detail, level.factor)
            return Patches(graph, level.vae).errors(x, size, level.stride)
        difference = self.whole.differences()
        squares = graph.node("Mul", difference, difference)
        if state.n_channels == 1:
            return squares
        return graph.node("ReduceMean", squares, axes=[1], keepdims=1)

    def power(self, level: LevelState) -> str:
        """The mean fourth power of the positive deviations from normal images, (1, 1), doubles."""
        graph = self.graph
        errors = self.errors(level)
        if level.vae is not None and self.state.per_image:
            own = graph.node("ReduceMean", errors, axes=[2, 3], keepdims=1)
            scale = graph.node("Add", own, graph.floats(OWN_SCALE * level.typical_error + TINY))
        else:
            scale = graph.floats(level.typical_error + TINY)
        scaled = graph.node("Div", errors, scale)
        spread = level.spread + TYPICAL_SPREAD * (level.centre + level.spread.mean()) + TINY
        deviations = graph.node("Sub", scaled, graph.floats(level.centre[None]))
        deviations = graph.node("Div", deviations, graph.floats(spread[None]))
        positive = graph.node("Cast", graph.node("Max", deviations, graph.floats(0.0)), to=DOUBLE)
        squares = graph.node("Mul", positive, positive)
        powers = graph.node("Mul", squares, squares)
        return graph.node("ReduceMean", powers, axes=[2, 3], keepdims=0)

    def heat(self, level: LevelState) -> str:
        """log(1 + error / typical error) at every pixel, (1, 1, height, width)."""
        graph = self.graph
        ratio = graph.node("Div", self.errors(level), graph.floats(level.typical_error + TINY))
        heat = graph.node("Log", graph.node("Add", ratio, graph.floats(1.0)))
        side = 1 if level.vae is None else min(level.vae.patch)
        first, step = 0.5 * (level.factor * side - 1), level.factor * level.stride
        for axis, apply in enumerate((down, across)):
            n_points = level.centre.shape[1 + axis]
            heat = apply(graph, heat, place_map(n_points, self.state.size[axis], first, step))
        return heat

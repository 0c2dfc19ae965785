"""ImageRuntime: images to scores in nats, contributions, heat maps and codes, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime import image_graph
from anomaly_vae.runtime.blocks import for_each_block
from anomaly_vae.runtime.bounds import bounds_model
from anomaly_vae.runtime.session import ImageSession, Session
from anomaly_vae.schema import Column, Feature, Schema, Span
from anomaly_vae.states.image import ImageState
from anomaly_vae.states.pixels import DARKEST, TINY
from anomaly_vae.surprise import ImageCalibration, Statistics, harmonic_mean_log_p, shares

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Images = NDArray[Any]

MAX_BLOCK = 16
"""Most images that are scored at a time."""

_MAX_BLOCK_PIXELS = 2**18

_FAR = 1e18
"""Pixels beyond it, in units of the pixel range, have no score: their squares are infinite."""


class Terms(NamedTuple):
    """The ELBO of images in nats: of each pixel (n_images, height, width), of the latents, and their sum."""

    features: NDArray[Any]
    latent: NDArray[Any]
    total: NDArray[Any]


class Compute(Protocol):
    """What computes results of a block of images (n_images, n_channels, height, width) in [0, 1]."""

    def statistics(self, x: Singles) -> Statistics:
        """Statistics of images."""

    def terms(self, x: Singles) -> Terms:
        """Terms of the ELBO of images."""

    def heat(self, x: Singles) -> NDArray[Any]:
        """Heat of each pixel in nats, (n_images, height, width)."""

    def codes(self, x: Singles) -> NDArray[Any]:
        """Posterior means of the latents, (n_images, latent_dim)."""

    def expected(self, z: Singles) -> NDArray[Any]:
        """Expected images of latents (n_images, latent_dim), (n_images, n_channels, height, width)."""


class ImageRuntime:
    """A model of images that scores.

    Parameters
    ----------
    state : ImageState
    compute : Compute, optional
        By default graphs in ONNX Runtime, which are compiled at first use.
    """

    def __init__(self, state: ImageState, compute: Compute | None = None) -> None:
        self.state = state
        self.compute = compute or ImageGraphs(state)

    @property
    def latent_dim(self) -> int:
        """Latents of a whole image."""
        return self.state.latent_dim

    @property
    def calibration(self) -> ImageCalibration:
        """The surprises of statistics; raises RuntimeError before they are estimated."""
        return self.state.surprises

    def statistics(self, X: Images) -> Statistics:
        """Statistics of images, (n_images, n_levels) and (n_images,)."""
        found = Statistics(np.empty((len(X), len(self.state.levels))), np.empty(len(X)))

        def compute(rows: slice, x: Singles) -> None:
            found.places[rows], found.shape[rows] = self.compute.statistics(x)

        self._each_block(X, compute)
        return found

    def totals(self, X: Images, score: str) -> Floats:
        """Scores in nats, shape (n_images,): the bound, or the combined log p of local terms and shape."""
        if score == "local":
            return harmonic_mean_log_p(self.calibration(self.statistics(X)))
        totals = np.empty(len(X))

        def compute(rows: slice, x: Singles) -> None:
            totals[rows] = self.compute.terms(x).total

        self._each_block(X, compute)
        return totals

    def contributions(self, X: Images, score: str, usual: Floats, heat: Floats | None = None) -> Floats:
        """Contributions of pixels to the score, that of latents or shape last, (n_images, n_pixels + 1).

        With local terms, shares are proportional to the squared heat above the ``usual`` (height, width).
        ``heat`` is the heat of the images, if it is known.
        """
        if score == "local":
            return self._divided(X, (self.heat(X) if heat is None else heat) - usual)
        contributions = np.empty((len(X), usual.size + 1))

        def compute(rows: slice, x: Singles) -> None:
            terms = self.compute.terms(x)
            contributions[rows, :-1] = terms.features.reshape(len(x), -1)
            contributions[rows, -1] = terms.latent

        self._each_block(X, compute)
        return contributions

    def _divided(self, X: Images, beyond: Floats) -> Floats:
        """The local score, divided among the pixels by their heat ``beyond`` the usual, and the shape."""
        surprises = self.calibration(self.statistics(X))
        where, what = shares(surprises) * harmonic_mean_log_p(surprises)
        squares = np.square(np.maximum(beyond, 0.0)).reshape(len(X), -1) + TINY
        parts = squares / squares.sum(axis=1, keepdims=True) * where[:, None]
        return np.concatenate([parts, what[:, None]], axis=1)

    def jacobian(self, X: Images) -> Floats:
        """Log of the change from log intensities to pixels in the user's units, shape (n_images,)."""
        low, high = self.state.pixel_range
        jacobian = np.empty(len(X))

        def compute(rows: slice, x: Singles) -> None:
            for row, image in zip(range(rows.start, rows.stop), x, strict=True):
                jacobian[row] = -np.log(np.maximum(image, 0.0) + np.float32(DARKEST)).sum(dtype=np.float64)

        self._each_block(X, compute)
        return np.asarray(jacobian - self.state.whole.n_channels * self._n_pixels * np.log(high - low))

    def heat(self, X: Images) -> Floats:
        """How badly each pixel is explained, in nats, (n_images, height, width)."""
        heat = np.empty((len(X), *self.state.size))

        def compute(rows: slice, x: Singles) -> None:
            heat[rows] = self.compute.heat(x)

        self._each_block(X, compute)
        return heat

    def encode(self, X: Images) -> Floats:
        """Posterior means of whole images, shape (n_images, latent_dim)."""
        codes = np.empty((len(X), self.latent_dim))

        def compute(rows: slice, x: Singles) -> None:
            codes[rows] = self.compute.codes(x)

        self._each_block(X, compute)
        return codes

    def decode(self, z: Singles) -> Floats:
        """Expected images, (n_images, height, width, n_channels), in the user's units."""
        return self._finished(self.compute.expected(z))

    def _finished(self, x: NDArray[Any]) -> Floats:
        """Pixels in [0, 1], channels first, as images in the user's units."""
        low, high = self.state.pixel_range
        return np.asarray(low + (high - low) * x.transpose(0, 2, 3, 1).astype(np.float64))

    @property
    def _n_pixels(self) -> int:
        return self.state.size[0] * self.state.size[1]

    def _each_block(self, X: Images, work: Callable[[slice, Singles], None]) -> None:
        """Call ``work`` with the positions and the pixels of each block of images."""
        low, high = self.state.pixel_range
        size = int(np.clip(_MAX_BLOCK_PIXELS // (self._n_pixels * self.state.n_channels), 1, MAX_BLOCK))

        def compute(rows: slice) -> None:
            pixels = (np.asarray(X[rows], dtype=np.float64) - low) / (high - low)
            work(rows, np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32))

        for_each_block(len(X), compute, size)


class ImageGraphs:
    """Results of images from the graphs of a model."""

    def __init__(self, state: ImageState) -> None:
        self._state = state

    def statistics(self, x: Singles) -> Statistics:
        """Statistics of images; see ``Compute``.

        That of a level is log(1 + 4-norm of the deviations), a smooth maximum, somewhat larger for a defect
        that covers more positions. Its logarithm is used because maxima of normal images have long tails, in
        particular if images are not aligned.
        """
        powers, gradients = self._statistics(x)
        places = np.log1p(np.sqrt(np.sqrt(powers)))
        return Statistics(_known(x, places), _known(x, -self._bounds(gradients)[:, 0]))

    def terms(self, x: Singles) -> Terms:
        """Terms of the ELBO of images."""
        return Terms(*(_known(x, part) for part in self._terms(x)))

    def heat(self, x: Singles) -> NDArray[Any]:
        """Heat of each pixel in nats."""
        return _known(x, self._heat(x)[0])

    def codes(self, x: Singles) -> NDArray[Any]:
        """Posterior means of the latents."""
        return _known(x, self._codes(x)[0])

    def expected(self, z: Singles) -> NDArray[Any]:
        """Expected images of latents."""
        return self._expected(z)[0]

    @cached_property
    def _statistics(self) -> ImageSession:
        return ImageSession(image_graph.statistics_model(self._state))

    @cached_property
    def _bounds(self) -> Session:
        return Session(bounds_model(_gradients_schema(len(self._state.shape_centre)), [[self._state.shape]]))

    @cached_property
    def _terms(self) -> ImageSession:
        return ImageSession(image_graph.terms_model(self._state))

    @cached_property
    def _heat(self) -> ImageSession:
        return ImageSession(image_graph.heat_model(self._state))

    @cached_property
    def _codes(self) -> ImageSession:
        return ImageSession(image_graph.codes_model(self._state))

    @cached_property
    def _expected(self) -> ImageSession:
        return ImageSession(image_graph.expected_model(self._state))


def _known(x: Singles, results: NDArray[Any]) -> NDArray[Any]:
    """The results of images, NaN for those with pixels that are not finite or have no finite square.

    Operators such as a maximum may turn NaN into a number.
    """
    is_far = ~(np.abs(x).max(axis=(1, 2, 3)) < _FAR)
    if is_far.any():
        results[is_far] = np.nan
    return results


def _gradients_schema(n_gradients: int) -> Schema:
    """A table of numbers whose rows are gradients."""
    features = tuple(Feature(0, "numeric", Span(k, k + 1)) for k in range(n_gradients))
    return Schema((Column("gradients", "numeric"),), features)

"""ImageModel: a fitted model of images; images to scores in nats, heat maps and images.

A score combines two kinds of statistics. *Position*: the VAE of whole images and two VAEs of patches, of
pixels and of pairs of pixels, each give a map of errors. A map of patches is divided by its mean over the
image, which in terms of a Gaussian ELBO gives each image its own noise scale. Each position is compared with
the same position of the training images, and the largest deviations count. *Shape*: the ELBO of a VAE of
oriented gradients. All statistics are calibrated on held-out images and combined. The shape also counts on
its own, because positions are not informative if images are not aligned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae import scoring
from anomaly_vae.detectors._model import Member
from anomaly_vae.nn.conv import ConvVAE, ImageVAE
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.pixels.surprise import Surprise, harmonic_mean_log_p, shares
from anomaly_vae.pixels.transforms import (
    blur,
    intensity,
    log_intensity,
    log_jacobian,
    oriented_gradients,
    place,
    shrink,
)

Floats = NDArray[np.float64]
Images = NDArray[Any]

_BLUR = 0.5
_OWN_SCALE = 0.05
"""Added to the mean error of an image before dividing by it, in mean errors of the training images."""

_TYPICAL_SPREAD = 0.1
"""Added to the spread of a position, as a share of its mean and of the mean spread."""

_TINY = 1e-12
_MAX_BLOCK_PIXELS = 2**18
_MAX_BLOCK = 16


@dataclass(frozen=True)
class Level:
    """Errors of one VAE at each position, and their statistics on normal images.

    Attributes
    ----------
    vae : ConvVAE or None
        The VAE of patches; None is the VAE of whole images.
    factor : int
        Factor by which its input is smaller than the image.
    stride : int
        Pixels of the shrunk image from one position to the next.
    typical_error : float
        Mean over training images and positions.
    centre, spread : Tensor of shape (1, n_down, n_across)
        Mean and standard deviation of the scaled errors of the training images at each position.
    """

    vae: ConvVAE | None
    factor: int
    stride: int
    typical_error: float
    centre: Tensor
    spread: Tensor

    def errors(self, image_vae: ImageVAE, small: Tensor, detail: Tensor) -> Tensor:
        """Mean squared error at each position, (n_images, 1, n_down, n_across)."""
        if self.vae is None:
            return image_vae.whole.differences(small).square().mean(dim=1, keepdim=True)
        return blur(self.vae.errors(shrink(detail, self.factor), self.stride), _BLUR)

    def scaled(self, errors: Tensor, *, per_image: bool) -> Tensor:
        """Errors in units of the mean error of the image (patches, ``per_image``) or of training images."""
        if self.vae is None or not per_image:
            return errors / (self.typical_error + _TINY)
        own = errors.mean(dim=(1, 2, 3), keepdim=True)
        return errors / (own + _OWN_SCALE * self.typical_error + _TINY)

    def deviations(self, scaled: Tensor) -> Tensor:
        """Scaled errors minus those of normal images at the same position, in units of their spread."""
        spread = self.spread + _TYPICAL_SPREAD * (self.centre + self.spread.mean())
        return (scaled - self.centre) / (spread + _TINY)

    def heat(self, errors: Tensor, size: tuple[int, int]) -> Tensor:
        """log(1 + error / typical error) at every pixel, (n_images, height, width)."""
        heat = torch.log1p(errors / (self.typical_error + _TINY))
        side = 1 if self.vae is None else min(self.vae.patch)
        first = 0.5 * (self.factor * side - 1)
        return place(heat, size, first, self.factor * self.stride)[:, 0]


class Statistics(NamedTuple):
    """Statistics of images, larger if more unusual: a column per level, and the gradients' negative ELBO."""

    places: Floats
    shape: Floats


@dataclass(frozen=True)
class ImageCalibration:
    """Surprises of the statistics: of each level, of the shape, and of their sum."""

    levels: tuple[Surprise, ...]
    shape: Surprise
    together: Surprise

    @classmethod
    def fit(cls, statistics: Statistics) -> ImageCalibration:
        """Estimate from statistics of held-out images."""
        levels = tuple(Surprise.fit(column) for column in statistics.places.T)
        shape = Surprise.fit(statistics.shape)
        return cls(levels, shape, Surprise.fit(_summed(levels, shape, statistics)))

    def __call__(self, statistics: Statistics) -> tuple[Floats, Floats]:
        """-log p of the sum, and of the shape alone, each of shape (n_images,)."""
        return self.together(_summed(self.levels, self.shape, statistics)), self.shape(statistics.shape)


def _summed(levels: Sequence[Surprise], shape: Surprise, statistics: Statistics) -> Floats:
    """Sum of the deviations of all statistics, because an anomaly affects more than one."""
    columns = zip(levels, statistics.places.T, strict=True)
    local = np.sum([level.deviations(column) for level, column in columns], axis=0)
    return np.asarray(local + shape.deviations(statistics.shape))


class ImageModel:
    """A fitted model.

    Parameters
    ----------
    pixel_range : tuple of float
        Values of black and white in the user's units.
    n_channels : int
    image_vae : ImageVAE
    levels : sequence of Level
    shape : Member
        VAE of oriented gradients.
    shape_centre : array of shape (n_gradients,)
    shape_scale : float
        Gradients are divided by it after subtracting the centre.
    per_image : bool
        Whether the noise of local terms has one scale per image, or one for all images.
    calibration : ImageCalibration, optional
        Set by ``calibrate``.
    """

    def __init__(
        self,
        pixel_range: tuple[float, float],
        n_channels: int,
        image_vae: ImageVAE,
        levels: Sequence[Level],
        shape: Member,
        shape_centre: NDArray[np.float32],
        shape_scale: float,
        *,
        per_image: bool,
        calibration: ImageCalibration | None = None,
    ) -> None:
        self.pixel_range, self.n_channels, self.image_vae = pixel_range, n_channels, image_vae
        self.levels, self.shape = tuple(levels), shape
        self.shape_centre, self.shape_scale = shape_centre, shape_scale
        self.per_image, self._calibration = per_image, calibration

    @property
    def calibration(self) -> ImageCalibration:
        """The surprises; raises RuntimeError before ``calibrate``."""
        if self._calibration is None:
            raise RuntimeError("the model is not calibrated")
        return self._calibration

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.image_vae.size

    @property
    def latent_dim(self) -> int:
        """Latents of a whole image."""
        return self.image_vae.whole.latent_dim

    def calibrate(self, X: Images) -> None:
        """Estimate the distribution of the statistics from held-out normal images."""
        self._calibration = ImageCalibration.fit(self.statistics(X))

    def statistics(self, X: Images) -> Statistics:
        """Statistics of images, (n_images, n_levels) and (n_images,)."""
        places, shape = np.empty((len(X), len(self.levels))), np.empty(len(X))

        def compute(rows: slice) -> None:
            x = self._prepared(X, rows)
            n = rows.stop - rows.start
            y = log_intensity(x)
            for column, deviations in enumerate(self._largest(y)):
                places[rows, column] = deviations[:n].cpu().numpy()
            shape[rows] = -self.shape.bounds(self.gradients(x)[:n])

        self._each_block(len(X), compute)
        return Statistics(places, shape)

    def totals(self, X: Images, score: str) -> Floats:
        """Scores in nats, shape (n_images,): the bound, or the combined log p of local terms and shape."""
        if score == "local":
            return harmonic_mean_log_p(self.calibration(self.statistics(X)))
        totals = np.empty(len(X))

        def bound(rows: slice) -> None:
            elbo = self.image_vae.elbo(log_intensity(self._prepared(X, rows)))
            total = elbo.features.double().sum(dim=(1, 2)) + elbo.latent
            totals[rows] = total.cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), bound)
        return totals

    def contributions(self, X: Images, score: str, usual: Floats) -> Floats:
        """Contributions of pixels to the score, that of latents or shape last, (n_images, n_pixels + 1).

        With local terms, shares are proportional to the squared heat above the ``usual`` (height, width).
        """
        n_pixels = self.size[0] * self.size[1]
        contributions = np.empty((len(X), n_pixels + 1))
        if score == "local":
            surprises = self.calibration(self.statistics(X))
            where, what = shares(surprises) * harmonic_mean_log_p(surprises)
            beyond = np.square(np.maximum(self.heat(X) - usual, 0.0)).reshape(len(X), n_pixels) + _TINY
            contributions[:, :-1] = beyond / beyond.sum(axis=1, keepdims=True) * where[:, None]
            contributions[:, -1] = what
            return contributions

        def bound(rows: slice) -> None:
            elbo, n = self.image_vae.elbo(log_intensity(self._prepared(X, rows))), rows.stop - rows.start
            contributions[rows, :-1] = elbo.features.double().flatten(1).cpu().numpy()[:n]
            contributions[rows, -1] = elbo.latent.double().cpu().numpy()[:n]

        self._each_block(len(X), bound)
        return contributions

    def jacobian(self, X: Images) -> Floats:
        """Log of the change from log intensities to pixels in the user's units, shape (n_images,)."""
        low, high = self.pixel_range
        jacobian = np.empty(len(X))

        def measure(rows: slice) -> None:
            x = self._prepared(X, rows)
            jacobian[rows] = log_jacobian(x).cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), measure)
        return np.asarray(jacobian - self.size[0] * self.size[1] * self.n_channels * np.log(high - low))

    def heat(self, X: Images) -> Floats:
        """How badly each pixel is explained, in nats, (n_images, height, width)."""
        heat = np.empty((len(X), *self.size))

        def compute(rows: slice) -> None:
            y = log_intensity(self._prepared(X, rows))
            small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
            together = torch.zeros(len(y), *self.size, device=y.device)
            for level in self.levels:
                together += level.heat(level.errors(self.image_vae, small, detail), self.size)
            heat[rows] = together.double().cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), compute)
        return heat

    def encode(self, X: Images) -> Floats:
        """Posterior means of whole images, shape (n_images, latent_dim)."""
        codes = np.empty((len(X), self.latent_dim))

        def compute(rows: slice) -> None:
            z = self.image_vae.encode(log_intensity(self._prepared(X, rows)))
            codes[rows] = z.double().cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), compute)
        return codes

    @one_thread()
    @torch.no_grad()
    def decode(self, z: NDArray[np.float32]) -> Floats:
        """Expected images, (n_images, height, width, n_channels), in the user's units."""
        return self._finished(self.image_vae.decode(torch.from_numpy(z).to(self.shape.device)))

    @one_thread()
    @torch.no_grad()
    def sample(self, n_images: int, seed: int) -> Floats:
        """Images drawn from the model, (n_images, height, width, n_channels), in the user's units."""
        generator = torch.Generator(self.shape.device).manual_seed(seed)
        return self._finished(self.image_vae.sample(n_images, generator))

    def gradients(self, x: Tensor) -> NDArray[np.float32]:
        """Standardised oriented gradients, the input of the shape's VAE, (n_images, n_gradients)."""
        edges = oriented_gradients(shrink(x, self.image_vae.factor)).flatten(1).cpu().numpy()
        return np.asarray((edges - self.shape_centre) / self.shape_scale, dtype=np.float32)

    def _largest(self, y: Tensor) -> list[Tensor]:
        """The largest deviations of each level: log(1 + 4-norm over positions), (n_images,).

        The 4-norm is a smooth maximum, somewhat larger for a defect that covers more positions. Its logarithm
        is used because maxima of normal images have long tails, in particular if images are not aligned.
        """
        small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
        largest = []
        for level in self.levels:
            errors = level.errors(self.image_vae, small, detail)
            deviations = level.deviations(level.scaled(errors, per_image=self.per_image)).flatten(1).double()
            largest.append(deviations.clamp_min(0.0).pow(4.0).mean(dim=1).pow(0.25).log1p())
        return largest

    def _prepared(self, X: Images, rows: slice) -> Tensor:
        """One block as a tensor (block, n_channels, height, width) of pixels in [0, 1], padded with black.

        Every block has the same number of images, so that no result depends on the number of images given.
        """
        block = np.zeros((self._block(), *X.shape[1:]), dtype=np.float32)
        low, high = self.pixel_range
        block[: rows.stop - rows.start] = (np.asarray(X[rows], dtype=np.float64) - low) / (high - low)
        return torch.from_numpy(block).permute(0, 3, 1, 2).contiguous().to(self.shape.device)

    def _block(self) -> int:
        pixels = self.size[0] * self.size[1] * self.n_channels
        return int(np.clip(_MAX_BLOCK_PIXELS // pixels, 1, _MAX_BLOCK))

    def _each_block(self, n_images: int, work: Callable[[slice], None]) -> None:
        @torch.no_grad()
        def compute(rows: slice) -> None:
            work(rows)

        scoring.for_each_block(n_images, compute, size=self._block())

    def _finished(self, y: Tensor) -> Floats:
        low, high = self.pixel_range
        pixels = intensity(y).clamp(0.0, 1.0).permute(0, 2, 3, 1).double().cpu().numpy()
        return np.asarray(low + (high - low) * pixels)

"""ImageModel: a fitted model of images; images to nats, heat maps and images.

An image is looked at in two ways. *Where*: the whole's VAE and two patch VAEs, of pixels and of pairs of
them, each give a map of what they cannot explain; a map is divided by its mean over the image, a noise
scale of its own for each image in the terms of a Gaussian ELBO; a place is compared with the same place of
the training images, and the largest deviations count. *What*: a VAE of oriented gradients tells whether
the shape is one that was seen. All are calibrated on held-out images and combined, the shape once
more by itself: where images are not aligned, places say little.
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
"""What is added to the spread of a place, in its mean."""

_TINY = 1e-12
_MAX_BLOCK_PIXELS = 2**18
_MAX_BLOCK = 16


@dataclass(frozen=True)
class Level:
    """Errors of one VAE, place by place, and what they are on normal images.

    Attributes
    ----------
    vae : ConvVAE or None
        Of patches; None stands for the whole's.
    factor : int
        How much smaller the image is that it sees.
    stride : int
        Pixels of that image from one place to the next.
    typical_error : float
        Mean over training images and places.
    centre, spread : Tensor of shape (1, n_down, n_across)
        Of the scaled errors of the training images at each place.
    """

    vae: ConvVAE | None
    factor: int
    stride: int
    typical_error: float
    centre: Tensor
    spread: Tensor

    def errors(self, image_vae: ImageVAE, small: Tensor, detail: Tensor) -> Tensor:
        """Mean squared error of each place, (n_images, 1, n_down, n_across)."""
        if self.vae is None:
            return image_vae.whole.differences(small).square().mean(dim=1, keepdim=True)
        return blur(self.vae.errors(shrink(detail, self.factor), self.stride), _BLUR)

    def scaled(self, errors: Tensor, *, per_image: bool) -> Tensor:
        """Errors in units of the image's own mean error; of a patch's VAE, and where that is wanted."""
        if self.vae is None or not per_image:
            return errors / (self.typical_error + _TINY)
        own = errors.mean(dim=(1, 2, 3), keepdim=True)
        return errors / (own + _OWN_SCALE * self.typical_error + _TINY)

    def deviations(self, scaled: Tensor) -> Tensor:
        """Scaled errors less those of the same place of normal images, in units of their spread."""
        spread = self.spread + _TYPICAL_SPREAD * (self.centre + self.spread.mean())
        return (scaled - self.centre) / (spread + _TINY)

    def heat(self, errors: Tensor, size: tuple[int, int]) -> Tensor:
        """log(1 + error / typical error) at every pixel, (n_images, height, width)."""
        heat = torch.log1p(errors / (self.typical_error + _TINY))
        side = 1 if self.vae is None else min(self.vae.patch)
        first = 0.5 * (self.factor * side - 1)
        return place(heat, size, first, self.factor * self.stride)[:, 0]


class Views(NamedTuple):
    """Statistics of images, larger if more unusual: a column per level, and the gradients' negative ELBO."""

    places: Floats
    shape: Floats


@dataclass(frozen=True)
class ImageCalibration:
    """How surprising statistics are: of each level, of the shape, of all of these together."""

    levels: tuple[Surprise, ...]
    shape: Surprise
    together: Surprise

    @classmethod
    def fit(cls, views: Views) -> ImageCalibration:
        """From held-out images."""
        levels = tuple(Surprise.fit(column) for column in views.places.T)
        shape = Surprise.fit(views.shape)
        return cls(levels, shape, Surprise.fit(_summed(levels, shape, views)))

    def __call__(self, views: Views) -> tuple[Floats, Floats]:
        """-log p of everything together, and of the shape alone, each of shape (n_images,)."""
        return self.together(_summed(self.levels, self.shape, views)), self.shape(views.shape)


def _summed(levels: Sequence[Surprise], shape: Surprise, views: Views) -> Floats:
    """Deviations of all statistics, summed: an anomaly affects more than one."""
    columns = zip(levels, views.places.T, strict=True)
    local = np.sum([level.deviations(column) for level, column in columns], axis=0)
    return np.asarray(local + shape.deviations(views.shape))


class ImageModel:
    """A fitted model.

    Parameters
    ----------
    pixel_range : tuple of float
        What is black and what is white in the user's units.
    n_channels : int
    image_vae : ImageVAE
    levels : sequence of Level
    shape : Member
        VAE of oriented gradients.
    shape_centre : array of shape (n_gradients,)
    shape_scale : float
        Gradients less the centre are divided by it.
    per_image : bool
        Whether the noise of local terms has a scale of its own for each image.
    calibration : ImageCalibration, optional
        Set once held-out images were seen.
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
            raise RuntimeError("the model was not calibrated")
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
        self._calibration = ImageCalibration.fit(self.views(X))

    def views(self, X: Images) -> Views:
        """Statistics of images, (n_images, n_levels) and (n_images,)."""
        places, shape = np.empty((len(X), len(self.levels))), np.empty(len(X))

        def look(rows: slice) -> None:
            x = self._prepared(X, rows)
            n = rows.stop - rows.start
            y = log_intensity(x)
            for column, deviations in enumerate(self._largest(y)):
                places[rows, column] = deviations[:n].cpu().numpy()
            shape[rows] = -self.shape.bounds(self.gradients(x)[:n])

        self._each_block(len(X), look)
        return Views(places, shape)

    def totals(self, X: Images, score: str) -> Floats:
        """Scores in nats, shape (n_images,): the bound, or the log p of local terms and shape together."""
        if score == "local":
            return harmonic_mean_log_p(self.calibration(self.views(X)))
        totals = np.empty(len(X))

        def bound(rows: slice) -> None:
            elbo = self.image_vae.elbo(log_intensity(self._prepared(X, rows)))
            total = elbo.features.double().sum(dim=(1, 2)) + elbo.latent
            totals[rows] = total.cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), bound)
        return totals

    def contributions(self, X: Images, score: str, usual: Floats) -> Floats:
        """What each pixel adds to the score, the latent or shape part last, (n_images, n_pixels + 1).

        Of local terms a pixel has its share by the square of its heat beyond the ``usual`` (height, width).
        """
        n_pixels = self.size[0] * self.size[1]
        contributions = np.empty((len(X), n_pixels + 1))
        if score == "local":
            surprises = self.calibration(self.views(X))
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

        def look(rows: slice) -> None:
            y = log_intensity(self._prepared(X, rows))
            small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
            together = torch.zeros(len(y), *self.size, device=y.device)
            for level in self.levels:
                together += level.heat(level.errors(self.image_vae, small, detail), self.size)
            heat[rows] = together.double().cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), look)
        return heat

    def encode(self, X: Images) -> Floats:
        """Posterior means of whole images, shape (n_images, latent_dim)."""
        codes = np.empty((len(X), self.latent_dim))

        def look(rows: slice) -> None:
            z = self.image_vae.encode(log_intensity(self._prepared(X, rows)))
            codes[rows] = z.double().cpu().numpy()[: rows.stop - rows.start]

        self._each_block(len(X), look)
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
        """Oriented gradients of images as the shape's VAE takes them, (n_images, n_gradients)."""
        edges = oriented_gradients(shrink(x, self.image_vae.factor)).flatten(1).cpu().numpy()
        return np.asarray((edges - self.shape_centre) / self.shape_scale, dtype=np.float32)

    def _largest(self, y: Tensor) -> list[Tensor]:
        """Of each level the largest deviations: log(1 + 4-norm over places), (n_images,).

        A maximum that hears a defect of many places a little louder than one of few. Its logarithm, since
        maxima of normal images have long tails, and more so where images are not aligned.
        """
        small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
        largest = []
        for level in self.levels:
            errors = level.errors(self.image_vae, small, detail)
            deviations = level.deviations(level.scaled(errors, per_image=self.per_image)).flatten(1).double()
            largest.append(deviations.clamp_min(0.0).pow(4.0).mean(dim=1).pow(0.25).log1p())
        return largest

    def _prepared(self, X: Images, rows: slice) -> Tensor:
        """One block as a tensor (block, n_channels, height, width) of pixels in [0, 1], filled up with black.

        Every block has the same number of images, so that no result depends on how many were given.
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
        def look(rows: slice) -> None:
            work(rows)

        scoring.for_each_block(n_images, look, size=self._block())

    def _finished(self, y: Tensor) -> Floats:
        low, high = self.pixel_range
        pixels = intensity(y).clamp(0.0, 1.0).permute(0, 2, 3, 1).double().cpu().numpy()
        return np.asarray(low + (high - low) * pixels)

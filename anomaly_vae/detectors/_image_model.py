"""ImageModel: a fitted model of images; images to scores in nats, heat maps and images.

A score combines two kinds of statistics. *Position*: the VAE of whole images and two VAEs of patches, of
pixels and of pairs of pixels, each give a map of errors. A map of patches is divided by its mean over the
image, which in terms of a Gaussian ELBO gives each image its own noise scale. Each position is compared with
the same position of the training images, and the largest deviations count. *Shape*: the ELBO of a VAE of
oriented gradients. All statistics are calibrated on held-out images and combined. The shape also counts on
its own, because positions are not informative if images are not aligned.

On the CPU, images are scored by graphs in ONNX Runtime (``anomaly_vae.runtime.images``); on a GPU, and while
fitting, by the torch modules here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.detectors._model import Member
from anomaly_vae.nn.conv import ConvVAE, ImageVAE
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.pixels.transforms import (
    blur,
    intensity,
    log_intensity,
    oriented_gradients,
    place,
    shrink,
)
from anomaly_vae.runtime.images import MAX_BLOCK, ImageRuntime, Images, Terms
from anomaly_vae.states.architecture import Numbers
from anomaly_vae.states.image import ImageState
from anomaly_vae.states.patches import LevelState, PatchState
from anomaly_vae.states.pixels import ERROR_BLUR, OWN_SCALE, TINY, TYPICAL_SPREAD
from anomaly_vae.surprise import ImageCalibration, Statistics

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Level:
    """A ``LevelState`` in torch.

    Attributes
    ----------
    vae : ConvVAE or None
    factor, stride : int
    typical_error : float
    centre, spread : Tensor of shape (1, n_down, n_across)
    """

    vae: ConvVAE | None
    factor: int
    stride: int
    typical_error: float
    centre: Tensor
    spread: Tensor

    @classmethod
    def from_state(cls, state: LevelState, vae: ConvVAE | None, device: torch.device) -> Level:
        """The level with this state, whose VAE is given."""
        maps = (torch.tensor(values).to(device) for values in (state.centre, state.spread))
        return cls(vae, state.factor, state.stride, state.typical_error, *maps)

    def errors(self, image_vae: ImageVAE, small: Tensor, detail: Tensor) -> Tensor:
        """Mean squared error at each position, (n_images, 1, n_down, n_across)."""
        if self.vae is None:
            return image_vae.whole.differences(small).square().mean(dim=1, keepdim=True)
        return blur(self.vae.errors(shrink(detail, self.factor), self.stride), ERROR_BLUR)

    def scaled(self, errors: Tensor, *, per_image: bool) -> Tensor:
        """Errors in units of the mean error of the image (patches, ``per_image``) or of training images."""
        if self.vae is None or not per_image:
            return errors / (self.typical_error + TINY)
        own = errors.mean(dim=(1, 2, 3), keepdim=True)
        return errors / (own + OWN_SCALE * self.typical_error + TINY)

    def deviations(self, scaled: Tensor) -> Tensor:
        """Scaled errors minus those of normal images at the same position, in units of their spread."""
        spread = self.spread + TYPICAL_SPREAD * (self.centre + self.spread.mean())
        return (scaled - self.centre) / (spread + TINY)

    def heat(self, errors: Tensor, size: tuple[int, int]) -> Tensor:
        """log(1 + error / typical error) at every pixel, (n_images, height, width)."""
        heat = torch.log1p(errors / (self.typical_error + TINY))
        side = 1 if self.vae is None else min(self.vae.patch)
        first = 0.5 * (self.factor * side - 1)
        return place(heat, size, first, self.factor * self.stride)[:, 0]


class TorchImages:
    """The modules of a model: results of blocks of images, and images drawn from the model.

    A block is padded with black images to ``block``, so that no result depends on the number of images.

    Parameters
    ----------
    image_vae : ImageVAE
    levels : sequence of Level
    shape : Member
        VAE of oriented gradients.
    shape_centre : array of shape (n_gradients,)
    shape_scale : float
    per_image : bool
        As in ``ImageState``.
    """

    block = MAX_BLOCK

    def __init__(
        self,
        image_vae: ImageVAE,
        levels: Sequence[Level],
        shape: Member,
        shape_centre: Singles,
        shape_scale: float,
        *,
        per_image: bool,
    ) -> None:
        self.image_vae, self.levels, self.shape = image_vae, tuple(levels), shape
        self.shape_centre, self.shape_scale, self.per_image = shape_centre, shape_scale, per_image

    def state(self, pixel_range: tuple[float, float]) -> ImageState:
        """The settings and weights, not yet calibrated."""
        vae = self.image_vae
        patches = _patch_state(vae.patches)
        return ImageState(
            pixel_range,
            vae.size,
            vae.factor,
            self.per_image,
            _patch_state(vae.whole),
            patches,
            _array(vae.excess),
            float(vae.excess_latent),
            tuple(self._level_state(level, patches) for level in self.levels),
            self.shape.state(),
            self.shape_centre,
            self.shape_scale,
        )

    @classmethod
    def from_state(cls, state: ImageState, device: torch.device) -> TorchImages:
        """The modules with these weights."""
        whole, patches = _conv_vae(state.whole), _conv_vae(state.patches)
        vae = ImageVAE(whole, patches, state.size, state.factor)
        vae.excess.copy_(torch.tensor(state.excess))
        vae.excess_latent.fill_(state.excess_latent)
        vae.to(device)
        levels = []
        for level in state.levels:
            own = None
            if level.vae is not None:
                own = patches if level.vae is state.patches else _conv_vae(level.vae).to(device)
            levels.append(Level.from_state(level, own, device))
        cells = Numbers(len(state.shape_centre))
        shape = Member.from_state(state.shape, cells, device)
        return cls(vae, levels, shape, state.shape_centre, state.shape_scale, per_image=state.per_image)

    @one_thread()
    @torch.no_grad()
    def statistics(self, x: Singles) -> Statistics:
        """Statistics of images: the largest deviations of each level, and the cost of the shape in nats."""
        block = self._padded(x)
        y = log_intensity(block)
        small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
        largest = []
        for level in self.levels:
            errors = level.errors(self.image_vae, small, detail)
            deviations = level.deviations(level.scaled(errors, per_image=self.per_image)).flatten(1).double()
            largest.append(deviations.clamp_min(0.0).pow(4.0).mean(dim=1).pow(0.25).log1p())
        places = torch.stack(largest, dim=1).cpu().numpy()[: len(x)]
        return Statistics(places, -self.shape.bounds(self._gradients(block)[: len(x)]))

    @one_thread()
    @torch.no_grad()
    def terms(self, x: Singles) -> Terms:
        """Terms of the ELBO of images."""
        elbo = self.image_vae.elbo(log_intensity(self._padded(x)))
        total = elbo.features.double().sum(dim=(1, 2)) + elbo.latent
        return Terms(*(part.cpu().numpy()[: len(x)] for part in (elbo.features, elbo.latent, total)))

    @one_thread()
    @torch.no_grad()
    def heat(self, x: Singles) -> NDArray[Any]:
        """Heat of each pixel in nats."""
        y = log_intensity(self._padded(x))
        small, detail = self.image_vae.shrunk(y), self.image_vae.detail(y)
        together = torch.zeros(len(y), *self.image_vae.size, device=y.device)
        for level in self.levels:
            together += level.heat(level.errors(self.image_vae, small, detail), self.image_vae.size)
        return _array(together[: len(x)])

    @one_thread()
    @torch.no_grad()
    def codes(self, x: Singles) -> NDArray[Any]:
        """Posterior means of the latents."""
        return _array(self.image_vae.encode(log_intensity(self._padded(x)))[: len(x)])

    @one_thread()
    @torch.no_grad()
    def expected(self, z: Singles) -> NDArray[Any]:
        """Expected images of latents."""
        return _pixels(self.image_vae.decode(torch.from_numpy(z).to(self.shape.device)))

    @one_thread()
    @torch.no_grad()
    def sample(self, n_images: int, seed: int) -> NDArray[Any]:
        """Images drawn from the model, (n_images, n_channels, height, width)."""
        generator = torch.Generator(self.shape.device).manual_seed(seed)
        return _pixels(self.image_vae.sample(n_images, generator))

    def _gradients(self, x: Tensor) -> Singles:
        """Standardised oriented gradients, the input of the shape's VAE, (n_images, n_gradients)."""
        edges = _array(oriented_gradients(shrink(x, self.image_vae.factor)).flatten(1))
        return np.asarray((edges - self.shape_centre) / self.shape_scale, dtype=np.float32)

    def _padded(self, x: Singles) -> Tensor:
        block = np.zeros((self.block, *x.shape[1:]), dtype=np.float32)
        block[: len(x)] = x
        return torch.from_numpy(block).to(self.image_vae.excess)

    def _level_state(self, level: Level, patches: PatchState) -> LevelState:
        own = None
        if level.vae is not None:
            own = patches if level.vae is self.image_vae.patches else _patch_state(level.vae)
        maps = (_array(values) for values in (level.centre, level.spread))
        return LevelState(own, level.factor, level.stride, level.typical_error, *maps)


class ImageModel(ImageRuntime):
    """A fitted model: it scores, and draws images.

    Parameters
    ----------
    state : ImageState
    device : torch.device
    """

    def __init__(self, state: ImageState, device: torch.device) -> None:
        self._device = device
        super().__init__(state, None if device.type == "cpu" else TorchImages.from_state(state, device))

    def calibrate(self, X: Images) -> None:
        """Estimate the distribution of the statistics from held-out normal images."""
        self.state = replace(self.state, calibration=ImageCalibration.fit(self.statistics(X)))

    def sample(self, n_images: int, seed: int) -> Floats:
        """Images drawn from the model, (n_images, height, width, n_channels), in the user's units."""
        return self._finished(TorchImages.from_state(self.state, self._device).sample(n_images, seed))


def _pixels(y: Tensor) -> NDArray[Any]:
    """Log intensities as pixels in [0, 1]."""
    return _array(intensity(y).clamp(0.0, 1.0))


def _array(values: Tensor) -> NDArray[Any]:
    return np.array(values.detach().cpu().numpy())


def _patch_state(vae: ConvVAE) -> PatchState:
    return PatchState(*(_array(values) for values in (vae.mean, vae.directions, vae.variances, vae.noise)))


def _conv_vae(state: PatchState) -> ConvVAE:
    """The module of patches with these weights."""
    vae = ConvVAE(state.n_channels, state.patch, state.latent_dim)
    for name, values in vae.state_dict().items():
        values.copy_(torch.tensor(getattr(state, name)))
    return vae

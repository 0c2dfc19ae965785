"""From images to an ImageModel: closed-form VAEs, typical errors per position, a trained VAE of shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.detectors._image_model import ImageModel, Level, TorchImages
from anomaly_vae.detectors._model import Member
from anomaly_vae.detectors._progress import fit_progress
from anomaly_vae.nn.build import build_vae
from anomaly_vae.nn.conv import ConvVAE, ImageVAE
from anomaly_vae.nn.ppca import fit_ppca
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.pixels.transforms import jittered, log_intensity, oriented_gradients, shrink
from anomaly_vae.states.architecture import Architecture, Numbers
from anomaly_vae.training import History, Schedule, fit_module

MAX_TRAIN_IMAGES = 2_500
_MAX_TRAIN_PIXELS = 2**27
_MAX_START_IMAGES = 1_500
_N_PATCHES = 60_000
_BATCH = 64

_WHOLE_SIDE = 28
_MAX_WHOLE_PIXELS = 4096
_LEAST_LEVEL_SIDE = 24
_N_POSITIONS_PER_SIDE = 64
_LEAST_NOISE = 1e-6
_N_COPIES = 3


@dataclass(frozen=True)
class ImageRecipe:
    """Settings of a fit on images.

    Attributes
    ----------
    latent_dim : int or None
        Latents of a whole image; None is a quarter of the number of images, at most 100.
    patch_size : int
        Side of a patch in pixels.
    keep : float
        Share of the images, the most probable ones, that closed-form fits and each batch keep.
    n_steps, batch_size, learning_rate
        Training budget of the shape's VAE.
    noise : float
        Least scale of a gradient given the latents, and scale of the noise on the encoder's input, in
        standard deviations of all gradients.
    hidden_sizes, shape_latent_dim
        Architecture of the shape's VAE.
    """

    latent_dim: int | None = None
    patch_size: int = 8
    keep: float = 1.0
    n_steps: int = 600
    batch_size: int = 64
    learning_rate: float = 3e-3
    noise: float = 0.5
    hidden_sizes: tuple[int, ...] = (256, 256)
    shape_latent_dim: int = 64


def n_train_images(n_images: int, n_pixels: int) -> int:
    """Number of images to train on: limited by ``MAX_TRAIN_IMAGES`` and by memory, to no fewer than 50."""
    return min(n_images, MAX_TRAIN_IMAGES, max(_MAX_TRAIN_PIXELS // n_pixels, 50))


@one_thread()
def fit_image_model(
    pixels: Tensor,
    pixel_range: tuple[float, float],
    recipe: ImageRecipe,
    seed: int,
    *,
    per_image: bool,
    verbose: int,
) -> tuple[ImageModel, History]:
    """A model of images (n_images, n_channels, height, width) in [0, 1], not yet calibrated."""
    generator = torch.Generator(pixels.device).manual_seed(seed)
    y = log_intensity(pixels)
    image_vae = _image_vae(y, recipe, generator)
    levels = _levels(image_vae, y, recipe, generator, per_image=per_image)
    shape, centre, scale, history = _fit_shape(
        shrink(pixels, image_vae.factor), recipe, generator, verbose=verbose
    )
    images = TorchImages(image_vae, levels, shape, centre, scale, per_image=per_image)
    return ImageModel(images.state(pixel_range), pixels.device), history


def _image_vae(y: Tensor, recipe: ImageRecipe, generator: torch.Generator) -> ImageVAE:
    """Both VAEs in closed form: that of whole images, then that of patches of the residuals."""
    height, width = y.shape[-2:]
    factor = _whole_factor(height, width)
    small = torch.cat([shrink(some, factor) for some in _batches(y[:_MAX_START_IMAGES])])
    whole = _conv_vae(small.flatten(1), tuple(small.shape[1:]), _whole_latents(small, recipe), recipe.keep)
    side = recipe.patch_size
    patch = (y.shape[1], min(side, height), min(side, width))
    blank = ConvVAE(patch[0], (patch[1], patch[2]), 1).to(y.device)
    whole_only = ImageVAE(whole, blank, (height, width), factor).to(y.device)
    rows = _patches(_details(whole_only, y), patch[1:], generator)
    patches = _conv_vae(rows, patch, _patch_latents(patch), recipe.keep)
    image_vae = ImageVAE(whole, patches, (height, width), factor).to(y.device)
    with torch.no_grad():
        image_vae.start()
    return image_vae


def _levels(
    image_vae: ImageVAE, y: Tensor, recipe: ImageRecipe, generator: torch.Generator, *, per_image: bool
) -> list[Level]:
    """Levels: pixels, pairs of pixels if the image is large enough, and whole images."""
    height, width = image_vae.size
    settings: list[tuple[ConvVAE | None, int, int]] = [(image_vae.patches, 1, _stride(height, width, recipe))]
    if min(height, width) // 2 >= _LEAST_LEVEL_SIDE:
        shrunk = [shrink(detail, 2) for detail in _details(image_vae, y)]
        patch = (y.shape[1], *image_vae.patches.patch)
        rows = _patches(iter(shrunk), patch[1:], generator)
        pairs = _conv_vae(rows, patch, _patch_latents(patch), recipe.keep)
        settings.append((pairs, 2, _stride(height // 2, width // 2, recipe)))
    settings.append((None, image_vae.factor, 1))
    return [_level(image_vae, y, *setting, per_image=per_image) for setting in settings]


@torch.no_grad()
def _level(
    image_vae: ImageVAE, y: Tensor, vae: ConvVAE | None, factor: int, stride: int, *, per_image: bool
) -> Level:
    """One level, with statistics of its errors on the training images."""
    nothing = torch.zeros(1, device=y.device)
    bare = Level(vae, factor, stride, 1.0, nothing, nothing)
    errors = torch.cat(
        [bare.errors(image_vae, image_vae.shrunk(some), image_vae.detail(some)) for some in _batches(y)]
    )
    typical = Level(vae, factor, stride, float(errors.mean()), nothing, nothing)
    scaled = typical.scaled(errors, per_image=per_image)
    return Level(
        vae, factor, stride, typical.typical_error, scaled.mean(dim=0), scaled.std(dim=0, correction=0)
    )


def _fit_shape(
    small: Tensor, recipe: ImageRecipe, generator: torch.Generator, *, verbose: int
) -> tuple[Member, NDArray[np.float32], float, History]:
    """The VAE of oriented gradients of images and jittered copies, the centre and scale of the gradients."""
    copies = [small, *(jittered(small, generator) for _ in range(_N_COPIES))]
    rows = torch.cat([oriented_gradients(some).flatten(1) for copy in copies for some in _batches(copy)])
    centre = rows.mean(dim=0)
    scale = float((rows - centre).square().mean().sqrt()) or 1.0
    x = (rows - centre) / scale
    latent_dim = max(min(recipe.shape_latent_dim, len(small) // 2, x.shape[1] // 2), 1)
    architecture = Architecture(latent_dim, recipe.hidden_sizes, recipe.noise, len(x))
    module = build_vae(architecture, Numbers(x.shape[1])).to(x.device)
    order = torch.randperm(len(x), generator=generator, device=x.device)[: 4 * _MAX_START_IMAGES]
    module.start(fit_ppca(x[order], latent_dim, recipe.noise**2, recipe.keep), generator)
    draw = torch.randn(latent_dim, generator=generator, device=x.device).sign()
    schedule = Schedule(recipe.n_steps, recipe.batch_size, recipe.learning_rate, recipe.noise, recipe.keep)
    with fit_progress(recipe.n_steps, verbose) as on_check:
        history = fit_module(module, x, schedule, generator, None, on_check)
    member = Member(module.requires_grad_(False), architecture, draw.cpu().numpy())
    return member, centre.cpu().numpy(), scale, history


@torch.no_grad()
def _conv_vae(rows: Tensor, patch: tuple[int, ...], latent_dim: int, keep: float) -> ConvVAE:
    """The VAE of patches (n_channels, height, width) given as rows."""
    vae = ConvVAE(patch[0], (patch[1], patch[2]), latent_dim).to(rows.device)
    vae.start(fit_ppca(rows, latent_dim, _LEAST_NOISE, keep))
    return vae


@torch.no_grad()
def _details(image_vae: ImageVAE, y: Tensor) -> Iterator[Tensor]:
    """Residuals of the VAE of whole images, one batch of images at a time."""
    for some in _batches(y):
        yield image_vae.detail(some)


def _batches(images: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def _patches(images: Iterator[Tensor], size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Patches at random positions, (n_patches, n_cells), the same number from each image."""
    batches = list(images)
    n_each = max(_N_PATCHES // sum(map(len, batches)), 1)
    down, across = (torch.arange(side, device=generator.device) for side in size)
    drawn = []
    for some in batches:
        n = len(some) * n_each
        which = torch.arange(len(some), device=some.device).repeat_interleave(n_each)
        top, left = (
            torch.randint(pixels - side + 1, (n,), generator=generator, device=generator.device)
            for pixels, side in zip(some.shape[-2:], size, strict=True)
        )
        y, x = top[:, None, None] + down[:, None], left[:, None, None] + across
        drawn.append(some[which[:, None, None], :, y, x].permute(0, 3, 1, 2).flatten(1))
    return torch.cat(drawn)


def _whole_factor(height: int, width: int) -> int:
    """Factor that shrinks a whole image to about 28 pixels per side, and to at most 4,096 pixels in total."""
    wanted = max(min(height, width) // _WHOLE_SIDE, math.ceil(math.sqrt(height * width / _MAX_WHOLE_PIXELS)))
    return max(min(wanted, height, width), 1)


def _whole_latents(small: Tensor, recipe: ImageRecipe) -> int:
    n_cells = small[0].numel()
    wanted = recipe.latent_dim or min(100, len(small) // 4, n_cells // 2)
    return max(min(wanted, n_cells, len(small)), 1)


def _patch_latents(patch: tuple[int, ...]) -> int:
    """Number of latents, small enough that the VAE of patches cannot reproduce noise and defects."""
    return max(min(12 if patch[0] == 1 else 24, math.prod(patch) // 4), 1)


def _stride(height: int, width: int, recipe: ImageRecipe) -> int:
    return int(np.clip(min(height, width) // _N_POSITIONS_PER_SIDE, 1, recipe.patch_size))


def as_pixels(
    X: Any, rows: NDArray[np.int64], pixel_range: tuple[float, float], device: torch.device
) -> Tensor:
    """The images at these positions as a tensor (n_images, n_channels, height, width) in [0, 1]."""
    low, high = pixel_range
    pixels = np.empty((len(rows), *X.shape[1:]), dtype=np.float32)
    for k, row in enumerate(rows):
        pixels[k] = (np.asarray(X[row], dtype=np.float64) - low) / (high - low)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().to(device)

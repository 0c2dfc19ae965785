"""Models of images of any size with random weights, and images for them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from anomaly_vae.detectors._image_model import TorchImages
from anomaly_vae.nn.build import build_vae, weights_of
from anomaly_vae.states.architecture import Architecture, MemberState, Numbers
from anomaly_vae.states.image import ImageState
from anomaly_vae.states.patches import LevelState, PatchState
from anomaly_vae.states.pixels import n_gradients
from anomaly_vae.surprise import ImageCalibration, Surprise


class Case(NamedTuple):
    """The settings of a model."""

    size: tuple[int, int]
    n_channels: int = 1
    factor: int = 1
    patch: int = 8
    strides: tuple[int, ...] = (1, 1)
    per_image: bool = True


CASES = {
    "small": Case((8, 8), strides=(1,)),
    "one pixel": Case((1, 1), patch=1, strides=(1,)),
    "line": Case((1, 150), strides=(1,)),
    "odd": Case((29, 43), factor=2, strides=(2,)),
    "colours": Case((64, 52), 3, 2, strides=(1, 1)),
    "shared": Case((48, 48), 1, 1, strides=(1, 1), per_image=False),
    "large": Case((128, 128), 1, 4, strides=(2, 1)),
    "large colours": Case((128, 128), 3, 4, strides=(2, 1)),
    "long": Case((30, 200), 1, 2, strides=(3,)),
}


def random_model(case: Case, seed: int = 0) -> ImageState:
    """A model with random weights, calibrated with arbitrary numbers."""
    random = np.random.default_rng(seed)
    height, width = case.size
    small = (height // case.factor, width // case.factor)
    whole = random_patches(random, (case.n_channels, *small), 12)
    patch = (case.n_channels, min(case.patch, height), min(case.patch, width))
    patches = random_patches(random, patch, 6)
    levels = [_level(random, patches, case.size, 1, case.strides[0])]
    if len(case.strides) > 1:
        levels.append(_level(random, random_patches(random, patch, 5), case.size, 2, case.strides[1]))
    maps = (1, *small)
    levels.append(LevelState(None, case.factor, 1, 0.2, *(_positive(random, maps) for _ in range(2))))
    n = n_gradients(*small)
    surprises = [Surprise(*random.uniform(0.5, 1.5, 2)) for _ in range(len(levels) + 2)]
    return ImageState(
        (0.0, 255.0), case.size, case.factor, case.per_image, whole, patches,
        _positive(random, case.size), 0.75, tuple(levels), _shape(random, n),
        random.uniform(0.0, 0.5, n).astype(np.float32), 0.3,
        ImageCalibration(tuple(surprises[:-2]), *surprises[-2:]),
    )  # fmt: skip


def pictures(case: Case, n_images: int, seed: int = 0) -> NDArray[np.uint8]:
    """Images with flat areas, texture and black pixels, (n_images, height, width, n_channels)."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (n_images, *case.size, case.n_channels), dtype=np.uint8)
    images[::3, : case.size[0] // 2] = 90
    images[1::3] = np.sort(images[1::3], axis=2)
    return images


def exact(state: ImageState) -> TorchImages:
    """The modules of torch in double precision, except the VAE of gradients, for up to four images."""
    images = TorchImages.from_state(state, torch.device("cpu"))
    images.block = 4
    images.image_vae.double()
    images.levels = tuple(
        replace(
            level,
            vae=None if level.vae is None else level.vae.double(),
            centre=level.centre.double(),
            spread=level.spread.double(),
        )
        for level in images.levels
    )
    return images


def random_patches(random: np.random.Generator, shape: tuple[int, ...], latent_dim: int) -> PatchState:
    """A VAE of patches with orthonormal directions."""
    n_cells = int(np.prod(shape))
    latent_dim = max(min(latent_dim, n_cells // 2), 1)
    directions = np.linalg.qr(random.normal(size=(n_cells, latent_dim)))[0].T.reshape(latent_dim, *shape)
    return PatchState(
        (0.2 * random.normal(size=shape)).astype(np.float32),
        directions.astype(np.float32),
        random.uniform(0.5, 2.0, latent_dim).astype(np.float32),
        np.asarray(0.1, dtype=np.float32),
    )


def _level(
    random: np.random.Generator, vae: PatchState, size: tuple[int, int], factor: int, stride: int
) -> LevelState:
    rows, columns = ((n // factor - side) // stride + 1 for n, side in zip(size, vae.patch, strict=True))
    maps = (_positive(random, (1, rows, columns)) for _ in range(2))
    return LevelState(vae, factor, stride, 0.3, *maps)


def _positive(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return random.uniform(0.2, 1.0, shape).astype(np.float32)


def _shape(random: np.random.Generator, n_gradients: int) -> MemberState:
    architecture = Architecture(3, (16,), 0.5, 100)
    vae = build_vae(architecture, Numbers(n_gradients))
    weights = {
        name: (0.1 * random.normal(size=values.shape)).astype(np.float32)
        for name, values in weights_of(vae).items()
    }
    return MemberState(architecture, weights, np.ones(3, dtype=np.float32))

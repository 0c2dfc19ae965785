"""Transforms of images: their inverses, invariances and sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anomaly_vae.pixels.transforms import (
    blur,
    intensity,
    jittered,
    log_intensity,
    oriented_gradients,
    place,
    shrink,
)
from anomaly_vae.states.pixels import n_gradients


@pytest.fixture
def images() -> Tensor:
    """Four grey images with smooth shapes."""
    generator = torch.Generator().manual_seed(0)
    return blur(torch.rand(4, 1, 20, 30, generator=generator), 2.0)


def test_log_intensity_is_undone(images: Tensor) -> None:
    """Down to black."""
    images[0, 0, 0, 0] = 0.0
    assert torch.allclose(intensity(log_intensity(images)), images, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (20, 30)])
def test_blur_keeps_flat_images_and_the_size(size: tuple[int, int]) -> None:
    """However small the image is."""
    flat = torch.full((2, 3, *size), 0.7)
    assert torch.allclose(blur(flat, 1.5), flat)


def test_shrunk_images_keep_their_mean(images: Tensor) -> None:
    """Where squares fill the image."""
    assert torch.allclose(shrink(images, 5).mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (28, 28)])
def test_gradients_are_as_many_as_said(size: tuple[int, int]) -> None:
    """And none of them NaN on a blank image."""
    edges = oriented_gradients(torch.zeros(2, 3, *size))
    assert edges[0].numel() == n_gradients(*size)
    assert (edges == 0).all()


def test_gradients_tell_directions_and_forgive_brightness(images: Tensor) -> None:
    """An edge turned is another one; one twice as strong, on another ground, is nearly the same."""
    across = torch.zeros(1, 1, 24, 24)
    across[..., 12:] = 0.4
    down = across.transpose(2, 3)
    same = oriented_gradients(0.1 + 2.0 * across) - oriented_gradients(across)
    other = oriented_gradients(down) - oriented_gradients(across)
    assert same.norm() < 0.2 * other.norm()


def test_jitter_comes_from_its_generator_alone(images: Tensor) -> None:
    """The same seed gives the same images, another others, and none leaves the range."""
    first, second, third = (jittered(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert first.min() >= images.min()
    assert first.max() <= images.max()


def test_place_puts_points_where_they_stand() -> None:
    """Grid values are met at their own pixels, and lie between their neighbours' elsewhere."""
    grid = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    image = place(grid, (16, 20), first=2.0, step=3.0)
    assert torch.allclose(image[:, :, 2:12:3, 2:15:3], grid, atol=1e-5)
    assert image.min() >= grid.min() - 1e-6
    assert torch.allclose(image[:, :, 0, 0], grid[:, :, 0, 0])

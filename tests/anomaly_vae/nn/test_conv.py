"""Convolutional VAEs: at their optimum the bound of patches is exact, and that of two levels is a bound."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anomaly_vae.nn.conv import ConvVAE, ImageVAE
from anomaly_vae.nn.ppca import PPCA, fit_ppca


def random_images(n: int, channels: int = 1, size: tuple[int, int] = (8, 12), seed: int = 0) -> Tensor:
    """Correlated noise."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(6, channels * size[0] * size[1], generator=generator)
    codes = torch.randn(n, 6, generator=generator)
    noise = 0.3 * torch.randn(n, mixing.shape[1], generator=generator)
    return (codes @ mixing + noise + 1.0).view(n, channels, *size)


def fitted(rows: Tensor, channels: int, patch: tuple[int, int], latent_dim: int) -> tuple[ConvVAE, PPCA]:
    """A VAE of patches given as rows."""
    ppca = fit_ppca(rows, latent_dim, 1e-6)
    vae = ConvVAE(channels, patch, latent_dim)
    vae.start(ppca)
    return vae, ppca


def tiles(x: Tensor, patch: tuple[int, int]) -> Tensor:
    """Patches side by side as rows, (n_images * n_patches, n_cells)."""
    return torch.nn.functional.unfold(x, patch, stride=patch).transpose(1, 2).flatten(0, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_bound_is_the_log_density_of_the_patches(channels: int) -> None:
    """A linear VAE at its optimum is pPCA: ELBO and marginal likelihood agree."""
    x = random_images(40, channels)
    vae, ppca = fitted(tiles(x, (4, 4)), channels, (4, 4), 3)
    elbo = vae.elbo(x)
    total = elbo.features.sum(dim=(1, 2)) + elbo.latent
    exact = ppca.log_prob(tiles(x, (4, 4))).view(len(x), -1).sum(dim=1)
    assert torch.allclose(total, exact, rtol=1e-4)


def test_errors_are_squared_distances_from_the_decoder_s_range() -> None:
    """Computed by convolution, they are those of projecting each patch."""
    x = random_images(20)
    vae, ppca = fitted(tiles(x, (4, 4)), 1, (4, 4), 3)
    centred = tiles(x, (4, 4)) - ppca.mean
    outside = centred - centred @ ppca.directions @ ppca.directions.T
    expected = outside.square().mean(dim=1).view(20, 1, 2, 3)
    assert torch.allclose(vae.errors(x, 4), expected, rtol=1e-3, atol=1e-5)
    assert torch.allclose(vae.differences(x).square().sum(), outside.square().sum(), rtol=1e-3)


def test_decoding_the_code_of_a_patch_gives_its_posterior_mean() -> None:
    """Encode and decode are the closed form's."""
    x = random_images(20)
    vae, ppca = fitted(tiles(x, (4, 4)), 1, (4, 4), 3)
    z = (tiles(x, (4, 4)) - ppca.mean) @ ppca.posterior_weights
    expected = tiles(vae.decode(vae.encode(x, (4, 4))), (4, 4))
    assert torch.allclose(z @ ppca.loadings.T + ppca.mean, expected, atol=1e-4)


def test_pixels_that_no_patch_fills_are_charged_once() -> None:
    """Images of 7 x 10 pixels under patches of 4 x 4 have 70 terms."""
    x = random_images(10, size=(7, 10))
    vae, _ = fitted(tiles(random_images(40), (4, 4)), 1, (4, 4), 2)
    assert vae.elbo(x).features.shape == (10, 7, 10)


def two_levels(x: Tensor) -> ImageVAE:
    """An image VAE of 8 x 12 pixels, the whole at half size."""
    small = torch.nn.functional.avg_pool2d(x, 2)
    whole, _ = fitted(small.flatten(1), 1, (4, 6), 3)
    details = ImageVAE(whole, ConvVAE(1, (4, 4), 1), (8, 12), 2).detail(x)
    patches, _ = fitted(tiles(details, (4, 4)), 1, (4, 4), 2)
    vae = ImageVAE(whole, patches, (8, 12), 2)
    vae.start()
    return vae


@pytest.mark.slow
def test_the_bound_of_two_levels_is_what_draws_of_the_whole_give_on_average() -> None:
    """The expectation over the whole's latents, taken in closed form, is that of many draws."""
    x = random_images(60)
    vae, some = two_levels(x), x[:3]
    closed = vae.elbo(some)
    generator = torch.Generator().manual_seed(0)
    z = vae.encode(some)
    drawn = []
    for _ in range(1500):
        noise = torch.randn(z.shape, generator=generator)
        codes = z + noise * vae.whole.posterior_variances.sqrt()
        inner = vae.patches.elbo(some - vae.decode(codes))
        drawn.append(inner.features.sum(dim=(1, 2)) + inner.latent)
    expected = torch.stack(drawn).mean(dim=0) - vae.whole.divergence(z[:, :, None, None])
    assert torch.allclose(closed.features.sum(dim=(1, 2)) + closed.latent, expected, rtol=0.01, atol=0.4)


def test_the_bound_of_two_levels_lies_below_the_log_density() -> None:
    """Both levels are linear and Gaussian, so that p(x) is known: the bound is never above it."""
    x = random_images(60).double()
    vae = two_levels(random_images(60)).double()
    whole, patches = vae.whole, vae.patches
    loadings = vae.enlarged(whole.directions * whole.loadings[:, None, None, None]).flatten(1)
    n_patches, rows = 6, []
    for patch in range(n_patches):
        for latent in range(patches.latent_dim):
            z = torch.zeros(1, patches.latent_dim, 2, 3, dtype=torch.double)
            z[0, latent, patch // 3, patch % 3] = patches.loadings[latent]
            rows.append(patches._composed(z).flatten())
    both = torch.cat([loadings, torch.stack(rows)])
    covariance = both.T @ both + patches.noise * torch.eye(96, dtype=torch.double)
    empty = torch.zeros(1, patches.latent_dim, 2, 3, dtype=torch.double)
    mean = (
        vae.decode(torch.zeros(1, whole.latent_dim, dtype=torch.double)) + patches.decode(empty)
    ).flatten()
    exact = torch.distributions.MultivariateNormal(mean, covariance).log_prob(x.flatten(1))
    elbo = vae.elbo(x)
    total = elbo.features.sum(dim=(1, 2)) + elbo.latent
    assert (total <= exact + 1e-6).all()
    assert (exact - total).median() < 30.0


def test_samples_come_from_the_generator_alone() -> None:
    """The same seed, the same images."""
    vae = two_levels(random_images(60))
    first, second = (vae.sample(3, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (3, 1, 8, 12)

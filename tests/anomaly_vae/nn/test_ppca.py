"""Probabilistic PCA in closed form: its density, its optimality, its posterior, and the robust fit."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal

from anomaly_vae.nn.ppca import PPCA, fit_ppca

LAW = settings(deadline=None, max_examples=30, derandomize=True)


def generated(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def correlated(n_rows: int, n_cells: int, latent_dim: int, noise: float, seed: int = 0) -> Tensor:
    """Rows of a linear Gaussian model with isotropic noise, in float64."""
    generator = generated(seed)
    loadings = torch.randn(latent_dim, n_cells, generator=generator, dtype=torch.float64)
    z = torch.randn(n_rows, latent_dim, generator=generator, dtype=torch.float64)
    rest = torch.randn(n_rows, n_cells, generator=generator, dtype=torch.float64)
    return z @ loadings + 3.0 + math.sqrt(noise) * rest


def covariance(model: PPCA) -> Tensor:
    return model.loadings @ model.loadings.T + model.noise * torch.eye(
        len(model.mean), dtype=model.mean.dtype
    )


def angle(directions: Tensor, truth: Tensor) -> float:
    """Largest principal angle between two subspaces with orthonormal columns, in degrees."""
    cosine = torch.linalg.svdvals(directions.T @ truth).min().clamp(max=1.0)
    return math.degrees(math.acos(float(cosine)))


SHAPES = [(200, 6, 2), (200, 6, 5), (200, 4, 4), (5, 12, 3), (5, 12, 8), (3, 10, 2), (1, 4, 2)]


@pytest.mark.parametrize(("n_rows", "n_cells", "latent_dim"), SHAPES)
def test_the_log_likelihood_is_that_of_the_gaussian(n_rows: int, n_cells: int, latent_dim: int) -> None:
    """log_prob is the log density of N(mean, W W^T + noise I), for few rows and many latents too."""
    x = correlated(n_rows, n_cells, 2, 0.5)
    model = fit_ppca(x, latent_dim, least_noise=0.01)
    elsewhere = torch.randn(20, n_cells, generator=generated(1), dtype=torch.float64) * 3.0
    expected = MultivariateNormal(model.mean, covariance(model)).log_prob(elsewhere)
    torch.testing.assert_close(model.log_prob(elsewhere), expected, rtol=1e-6, atol=1e-5)


def test_more_latents_than_cells_are_padded() -> None:
    """Asked for more latents than there are cells, the model has that many, the last ones idle."""
    model = fit_ppca(correlated(50, 3, 2, 0.5), latent_dim=5, least_noise=0.01)
    assert model.loadings.shape == model.posterior_weights.shape == (3, 5)
    assert model.variances.shape == model.posterior_variances.shape == (5,)
    assert float(model.loadings[:, 3:].abs().max()) < 0.5


@LAW
@given(seed=st.integers(0, 10**6), size=st.floats(0.001, 1.0))
def test_no_other_model_is_more_likely(seed: int, size: float) -> None:
    """The fit maximises the likelihood of its rows: any other mean, loadings and noise give less."""
    x = correlated(100, 5, 2, 0.3)
    model = fit_ppca(x, 2, least_noise=1e-6)
    draw = torch.randn(3, 5, 2, generator=generated(seed), dtype=torch.float64) * size
    mean = model.mean + draw[0, :, 0] / 5
    loadings = model.loadings + draw[1]
    noise = model.noise * float((draw[2, 0, 0]).exp())
    other = MultivariateNormal(mean, loadings @ loadings.T + noise * torch.eye(5, dtype=torch.float64))
    assert model.log_prob(x).mean() > other.log_prob(x).mean()


def test_more_latents_are_never_less_likely() -> None:
    """The likelihood of the rows rises with each latent, steeply up to the true number of them."""
    x = correlated(500, 8, 3, 0.1)
    nats = [float(fit_ppca(x, k, 1e-6).log_prob(x).mean()) for k in range(1, 8)]
    gains = [after - before for before, after in pairwise(nats)]
    assert min(gains) > -1e-9
    assert gains[1] > 0.3 > 0.03 > max(gains[2:])


def test_the_model_behind_the_rows_is_found() -> None:
    """With many rows noise and covariance are those that made them."""
    x = correlated(20_000, 6, 2, 0.25)
    model = fit_ppca(x, 2, least_noise=1e-6)
    assert model.noise == pytest.approx(0.25, rel=0.02)
    torch.testing.assert_close(covariance(model), torch.cov(x.T), rtol=0.05, atol=0.05)
    torch.testing.assert_close(
        model.directions.T @ model.directions, torch.eye(2, dtype=torch.float64), atol=1e-9, rtol=0
    )


def test_the_posterior_is_that_of_bayes() -> None:
    """Posterior mean and variance are those of z given x in the linear Gaussian model."""
    x = correlated(300, 6, 3, 0.4)
    model = fit_ppca(x, 3, least_noise=1e-6)
    precision = torch.eye(3, dtype=torch.float64) + model.loadings.T @ model.loadings / model.noise
    variance = torch.linalg.inv(precision)
    torch.testing.assert_close(torch.diag(model.posterior_variances), variance, atol=1e-9, rtol=1e-9)
    mean = (x - model.mean) @ model.loadings @ variance / model.noise
    torch.testing.assert_close((x - model.mean) @ model.posterior_weights, mean, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("n_rows", [9, 10, 11])
def test_few_rows_go_the_same_way_as_many(n_rows: int) -> None:
    """With fewer rows than cells the fit is still that of the eigenvectors of the covariance."""
    x = correlated(n_rows, 10, 2, 0.5)
    model = fit_ppca(x, 3, least_noise=1e-6)
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    torch.testing.assert_close(model.variances, values.flip(0)[:3])
    assert angle(model.directions, vectors[:, -3:]) < 1e-3
    assert model.noise == pytest.approx(float(values[:-3].mean()))


def test_noise_has_a_floor() -> None:
    """Rows without noise leave the least noise that was asked for, and finite nats."""
    x = correlated(100, 5, 2, 0.0)
    model = fit_ppca(x, 2, least_noise=0.01)
    assert model.noise == 0.01
    assert (model.variances >= 0.01).all()
    assert torch.isfinite(model.log_prob(x)).all()
    constant = fit_ppca(torch.ones(10, 3), 2, least_noise=0.01)
    assert torch.isfinite(constant.log_prob(torch.ones(1, 3))).all()


# ------------------------------------------------------------------------------------------ the robust fit
def contaminated() -> tuple[Tensor, Tensor]:
    """1,000 rows, a fifth of them far away in a direction of their own, and the clean ones."""
    clean = correlated(800, 8, 2, 0.1)
    direction = torch.randn(8, generator=generated(7), dtype=torch.float64)
    wild = 3.0 + 40.0 * direction / direction.norm() + torch.randn(200, 8, generator=generated(8))
    return torch.cat([clean, wild])[torch.randperm(1000, generator=generated(9))], clean


def test_the_robust_fit_ignores_a_fifth_of_gross_outliers() -> None:
    """With keep=0.6 the clean subspace and mean are recovered; with keep=1 they are far away."""
    x, clean = contaminated()
    truth = fit_ppca(clean, 2, 1e-6)
    robust, naive = fit_ppca(x, 2, 1e-6, keep=0.6), fit_ppca(x, 2, 1e-6)
    assert angle(robust.directions, truth.directions) < 3.0
    assert float((robust.mean - truth.mean).norm()) < 0.5
    assert robust.noise == pytest.approx(truth.noise, rel=0.5)
    assert angle(naive.directions, truth.directions) > 30.0
    assert float((naive.mean - truth.mean).norm()) > 5.0


def test_outliers_stand_out_of_the_robust_fit_alone() -> None:
    """Under the robust fit every outlier is less likely than every clean row."""
    x, _ = contaminated()
    wild = (x - 3.0).norm(dim=1) > 30.0
    assert int(wild.sum()) == 200
    nats = fit_ppca(x, 2, 1e-6, keep=0.6).log_prob(x)
    assert nats[wild].max() < nats[~wild].min()


@pytest.mark.parametrize("keep", [1.0, 0.6])
def test_the_order_of_rows_does_not_matter(keep: float) -> None:
    """The fit of rows in another order is the same up to rounding."""
    x, _ = contaminated()
    shuffled = x[torch.randperm(len(x), generator=generated(3))]
    one, other = fit_ppca(x, 2, 1e-6, keep), fit_ppca(shuffled, 2, 1e-6, keep)
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(covariance(one), covariance(other))


def test_a_share_that_keeps_too_few_rows_keeps_enough() -> None:
    """A share of less than latent_dim + 2 rows keeps that many, and one of all rows is the plain fit."""
    x = correlated(6, 4, 2, 0.5)
    assert torch.isfinite(fit_ppca(x, 2, 1e-3, keep=0.1).log_prob(x)).all()
    torch.testing.assert_close(fit_ppca(x, 4, 1e-3, keep=0.1).mean, fit_ppca(x, 4, 1e-3).mean)

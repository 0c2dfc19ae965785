"""The VAE: an ELBO that is one, exact where it can be, and whose every term is trained."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from anomaly_vae.columns.categorical import CategoryColumns
from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.ppca import PPCA, fit_ppca
from anomaly_vae.nn.priors import StandardNormal
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE
from anomaly_vae.training import Schedule, fit_module

LAW = settings(deadline=None, max_examples=40, derandomize=True)


def generated(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear_rows(n_rows: int, seed: int = 0) -> Tensor:
    """Rows of 6 numbers with 2 latents and isotropic noise of variance 0.25."""
    loadings = torch.randn(2, 6, generator=generated(100))
    generator = generated(seed)
    z, rest = torch.randn(n_rows, 2, generator=generator), torch.randn(n_rows, 6, generator=generator)
    return z @ loadings + 0.5 * rest


def curved_rows(n_rows: int, seed: int) -> Tensor:
    """Encoded rows of a point on a circle: 4 numbers, the quarter it lies in, and a coin."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0.0, 2.0 * np.pi, n_rows)
    numbers = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), random.normal(size=n_rows)], axis=1)
    codes = np.stack([random.integers(0, 2, n_rows), angle // (np.pi / 2)], axis=1).astype(np.int64)
    cells = CategoryColumns([2, 4], np.repeat([0.5, 0.25], [2, 4])).transform(codes)
    return torch.from_numpy(
        np.concatenate([numbers + 0.1 * random.normal(size=(n_rows, 4)), cells], axis=1)
    ).float()


def started(
    x: Tensor, latent_dim: int, hidden_sizes: tuple[int, ...], n_numeric: int, floor: float = 0.05
) -> VAE:
    """A VAE at the closed-form start; what is not numeric is one span of 2 and one of 4 cells."""
    likelihood = TableLikelihood(n_numeric, [2, 4] if x.shape[1] > n_numeric else [], floor, len(x))
    n_spans = len(likelihood.groups)
    likelihood.observe(
        np.repeat([0.5, 0.25], [2, 4])[: x.shape[1] - n_numeric], np.ones(n_numeric + n_spans, dtype=bool)
    )
    module = VAE(likelihood, latent_dim, hidden_sizes)
    module.start(fit_ppca(x, latent_dim, floor**2), generated(1))
    return module


def shaken(module: VAE, size: float, seed: int = 2) -> VAE:
    """The module with each weight moved at random, so that no layer is zero."""
    generator = generated(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return module


def grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


# --------------------------------------------------------------------------------------- the latent term
@LAW
@given(mean=st.lists(st.floats(-30, 30), min_size=1, max_size=4), log_var=st.floats(-14, 6))
def test_the_kl_is_that_of_torch(mean: list[float], log_var: float) -> None:
    """Under N(0, I) the latent term is the negative KL divergence, never positive, and 0 at the prior."""
    means = torch.tensor([mean], dtype=torch.float64)
    log_vars = torch.full_like(means, log_var) - torch.arange(len(mean))
    q = Normal(means, (0.5 * log_vars).exp())
    expected = kl_divergence(q, Normal(torch.zeros_like(means), torch.ones_like(means))).sum(dim=1)
    prior = StandardNormal()
    torch.testing.assert_close(prior(means, log_vars), -expected)
    assert (prior(means, log_vars) <= 1e-12).all()
    assert float(prior(torch.zeros(1, 3), torch.zeros(1, 3))) == 0.0


def test_the_latent_term_reaches_the_encoder() -> None:
    """The latent term alone has its closed-form gradient in both halves of the encoder's linear map."""
    x = linear_rows(50)
    module = shaken(started(x, 2, (), 6), 0.1)
    module.elbo(x, torch.zeros(50, 2)).latent.sum().backward()
    mean, log_var = (half.detach() for half in module.encode(x))
    expected = torch.cat([-x.T @ mean, -0.5 * x.T @ (log_var.exp() - 1.0)], dim=1)
    assert (expected.abs().amax(dim=0) > 0.1).all()
    torch.testing.assert_close(grad(module.encoder.weight), expected, rtol=1e-4, atol=1e-3)
    assert (grad(module.encoder.bias).abs() > 0.1).all()
    assert module.decoder.weight.grad is None


def test_the_latent_term_reaches_the_hidden_layers() -> None:
    """The latent term alone trains every layer of the encoder's MLP, in the mean and the variance half."""
    x = linear_rows(50)
    module = shaken(started(x, 2, (8, 5), 6), 0.1)
    module.elbo(x, torch.zeros(50, 2)).latent.sum().backward()
    for name, parameter in module.encoder.named_parameters():
        assert grad(parameter).abs().max() > 1e-3, name
    assert module.encoder.residual is not None
    last = grad(module.encoder.residual[-1].weight)
    assert (last.abs().amax(dim=1) > 1e-3).all()


def test_the_latent_term_reaches_the_hidden_layers_from_the_start() -> None:
    """At the closed-form start the last layer of the MLP, which is zero, feels the latent term already."""
    x = linear_rows(50)
    module = started(x, 2, (8,), 6)
    module.elbo(x, torch.zeros(50, 2)).latent.sum().backward()
    assert module.encoder.residual is not None
    assert (grad(module.encoder.residual[-1].weight).abs().amax(dim=1) > 1e-3).all()


# ------------------------------------------------------------------------------- exact where it is linear
def exact_case() -> tuple[VAE, PPCA, Tensor]:
    x = linear_rows(500)
    ppca = fit_ppca(x, 2, least_noise=0.05**2)
    return started(x, 2, (), 6), ppca, torch.cat([x[:50], 5.0 * linear_rows(50, seed=1)])


@pytest.mark.parametrize("draw", [(0.0, 0.0), (1.0, -1.0), (0.3, 2.5)], ids=str)
def test_a_linear_vae_is_ppca(draw: tuple[float, float]) -> None:
    """Started in closed form, a linear VAE's bound is the log likelihood of pPCA, row by row, for any draw.

    The tolerance, 1e-4 of the value or 1e-3 nats, is that of float32.
    """
    module, ppca, x = exact_case()
    with torch.no_grad():
        bound = module.antithetic_elbo(x, torch.tensor(draw)).total()
    torch.testing.assert_close(bound, ppca.log_prob(x), rtol=1e-4, atol=1e-3)


def test_a_linear_vae_is_ppca_to_the_last_digits_in_float64() -> None:
    """In float64 a linear VAE's bound and its pPCA's log likelihood differ by less than 1e-5 nats."""
    module, _, x = exact_case()
    ppca = fit_ppca(linear_rows(500).double(), 2, least_noise=0.05**2)
    module.double().start(ppca, generated(1))
    with torch.no_grad():
        bound = module.antithetic_elbo(x.double(), torch.tensor([1.0, -0.5], dtype=torch.float64)).total()
    torch.testing.assert_close(bound, ppca.log_prob(x.double()), rtol=1e-6, atol=1e-5)


def test_hidden_layers_start_at_ppca_too() -> None:
    """A VAE with hidden layers is its linear start until it is trained."""
    _, ppca, x = exact_case()
    module = started(linear_rows(500), 2, (16, 16), 6)
    with torch.no_grad():
        bound = module.antithetic_elbo(x, torch.ones(2)).total()
    torch.testing.assert_close(bound, ppca.log_prob(x), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_a_linear_vae_that_is_trained_finds_ppca() -> None:
    """From a perturbed start training reaches the closed-form likelihood within 0.05 nats per row.

    The noise of the rows is isotropic, so that a noise for each column has nothing to gain on it.
    """
    x = linear_rows(1000)
    best = float(fit_ppca(x, 2, least_noise=1e-4).log_prob(x).mean())
    module = shaken(started(x, 2, (), 6), 0.5)
    schedule = Schedule(n_steps=1500, batch_size=250, learning_rate=2e-2, input_noise=0.0, keep=1.0)
    with one_thread():
        with torch.no_grad():
            before = float(module.antithetic_elbo(x, torch.ones(2)).total().mean())
        fit_module(module, x, schedule, generated(3))
        with torch.no_grad():
            after = float(module.antithetic_elbo(x, torch.ones(2)).total().mean())
    assert before < best - 2.0
    assert after == pytest.approx(best, abs=0.05)


def test_any_other_linear_vae_is_below_its_density() -> None:
    """With another encoder the bound of a linear decoder is below the density by KL(q || posterior)."""
    module, ppca, x = exact_case()
    with torch.no_grad():
        mean, log_var = module.encode(x)
        module.encoder.weight[:, :2] *= 0.7
        module.encoder.bias[2:] += 0.5
        other_mean, other_log_var = module.encode(x)
        bound = module.antithetic_elbo(x, torch.ones(2)).total()
    q, posterior = Normal(other_mean, (0.5 * other_log_var).exp()), Normal(mean, (0.5 * log_var).exp())
    gap = kl_divergence(q, posterior).sum(dim=1)
    assert gap.min() > 0.05
    torch.testing.assert_close(bound, ppca.log_prob(x) - gap, rtol=1e-3, atol=1e-2)


# ------------------------------------------------------------------------------- a bound where it is curved
class Trained(NamedTuple):
    """A trained nonlinear VAE and rows that it has not seen."""

    module: VAE
    rows: Tensor


@pytest.fixture(scope="module")
def trained() -> Trained:
    x = curved_rows(1500, seed=0)
    module = started(x, 2, (24,), 4)
    schedule = Schedule(n_steps=500, batch_size=128, learning_rate=5e-3, input_noise=0.1, keep=1.0)
    with one_thread():
        fit_module(module, x, schedule, generated(4))
    return Trained(module.requires_grad_(False), curved_rows(60, seed=1))


N_DRAWS = 2000


def draws_of_q(module: VAE, x: Tensor, seed: int) -> tuple[Normal, Tensor]:
    """q of each row and draws from it, shape (N_DRAWS, n_rows, latent_dim)."""
    mean, log_var = module.encode(x)
    q = Normal(mean, (0.5 * log_var).exp())
    noise = torch.randn(N_DRAWS, *mean.shape, generator=generated(seed))
    return q, mean + q.stddev * noise


def importance_sampled(module: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """An estimate of log p(x) that knows nothing of the ELBO, and its standard error, each (n_rows,)."""
    q, z = draws_of_q(module, x, seed=5)
    expected = module.likelihood.probabilities(module.decode(z.flatten(0, 1))).reshape(N_DRAWS, len(x), -1)
    noise = module.likelihood.noise_variance().sqrt()
    numbers = Normal(expected[..., :4], noise).log_prob(x[:, :4]).sum(-1)
    categories = (expected[..., 4:].log() * (x[:, 4:] > 0)).sum(-1)
    log_weights = numbers + categories + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(-1)
    estimate = log_weights.logsumexp(0) - math.log(N_DRAWS)
    return estimate, (log_weights - estimate).exp().std(0) / math.sqrt(N_DRAWS)


def averaged_elbo(module: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """The ELBO over many draws and its standard error, each (n_rows,)."""
    noise = torch.randn(N_DRAWS, len(x), module.latent_dim, generator=generated(6))
    totals = module.elbo(x.repeat(N_DRAWS, 1), noise.flatten(0, 1)).total().reshape(N_DRAWS, len(x))
    return totals.mean(0), totals.std(0) / math.sqrt(N_DRAWS)


def test_the_elbo_is_a_lower_bound(trained: Trained) -> None:
    """On held-out rows of numbers and categories no ELBO is above log p(x) as importance sampling sees it.

    Above means by more than four standard errors and 0.02 nats; below, on average, by less than a nat.
    """
    density, error = importance_sampled(trained.module, trained.rows)
    bound, bound_error = averaged_elbo(trained.module, trained.rows)
    excess = bound - density - 4.0 * torch.hypot(error, bound_error)
    assert excess.max() < 0.02
    assert 0.0 < float((density - bound).mean()) < 1.0
    assert error.median() < 0.1


@pytest.mark.parametrize("signs", [(1.0, 1.0), (1.0, -1.0)], ids=str)
def test_two_points_at_one_standard_deviation_keep_below_the_density(
    trained: Trained, signs: tuple[float, float]
) -> None:
    """A draw of +-1, whose squares are the prior's variances, has a bound below log p(x) on average.

    A Gaussian draw need not: one that is shorter than the average makes the decoder look better than it is,
    for all rows at once.
    """
    density, _ = importance_sampled(trained.module, trained.rows)
    bound, _ = averaged_elbo(trained.module, trained.rows)
    score = trained.module.antithetic_elbo(trained.rows, torch.tensor(signs)).total()
    assert score.mean() < density.mean()
    assert float(score.mean()) == pytest.approx(float(bound.mean()), abs=0.25)


@pytest.mark.slow
def test_the_two_points_estimate_the_elbo(trained: Trained) -> None:
    """Averaged over draws, antithetic_elbo is the ELBO of each feature, and varies less than one draw."""
    noise = torch.randn(500, 2, generator=generated(8))
    pairs = torch.stack([trained.module.antithetic_elbo(trained.rows, draw).features for draw in noise])
    single = torch.stack([trained.module.elbo(trained.rows, draw.expand(60, -1)).features for draw in noise])
    error = 5.0 * (pairs.std(0) + single.std(0)) / math.sqrt(500) + 1e-3
    assert ((pairs.mean(0) - single.mean(0)).abs() < error).all()
    assert pairs.sum(-1).var(0).mean() < 0.8 * single.sum(-1).var(0).mean()


def test_the_sign_of_the_draw_does_not_matter(trained: Trained) -> None:
    """Both points are used: a draw and its negative give the same bound."""
    draw = torch.tensor([0.7, -1.3])
    one, other = (trained.module.antithetic_elbo(trained.rows, sign * draw).total() for sign in (1.0, -1.0))
    torch.testing.assert_close(one, other)
    assert not torch.allclose(one, trained.module.antithetic_elbo(trained.rows, 0.5 * draw).total())


def test_terms_add_up_and_the_latent_one_is_a_cost(trained: Trained) -> None:
    """A bound has a term for each feature and a latent one, never positive; the total is their sum."""
    elbo = trained.module.antithetic_elbo(trained.rows, torch.ones(2))
    assert elbo.features.shape == (60, 6)
    assert (elbo.latent <= 0).all()
    torch.testing.assert_close(elbo.total(), elbo.features.sum(1) + elbo.latent)
    mean, log_var = trained.module.encode(trained.rows)
    torch.testing.assert_close(elbo.latent, StandardNormal()(mean, log_var))


def test_categories_never_gain(trained: Trained) -> None:
    """The term of a category is a log probability: no draw makes it positive."""
    for draw in (torch.zeros(2), torch.tensor([2.0, -2.0])):
        assert (trained.module.antithetic_elbo(trained.rows, draw).features[:, 4:] <= 0).all()


# ------------------------------------------------------------------------------ missing values, extremes
def test_a_missing_cell_counts_as_zero_for_the_encoder(trained: Trained) -> None:
    """What is missing is encoded as 0, the mean of its column."""
    holed, filled = trained.rows.clone(), trained.rows.clone()
    holed[:, [1, 4, 5]], filled[:, [1, 4, 5]] = torch.nan, 0.0
    for one, other in zip(trained.module.encode(holed), trained.module.encode(filled), strict=True):
        assert torch.equal(one, other)


def test_a_missing_value_contributes_its_absence_alone(trained: Trained) -> None:
    """The term of a missing number or category is the cost of its absence, whatever the draw."""
    holed = trained.rows.clone()
    holed[:, [1, 4, 5]] = torch.nan
    for draw in (torch.zeros(2), torch.tensor([1.5, -0.5])):
        features = trained.module.antithetic_elbo(holed, draw).features
        assert torch.isfinite(features).all()
        absent = trained.module.likelihood.absent_log_prob
        assert (features[:, 1] == absent[1]).all()
        assert (features[:, 4] == absent[4]).all()


def test_gradients_are_finite_beside_missing_values() -> None:
    """Rows with missing cells, and one with nothing else, leave finite gradients everywhere."""
    x = curved_rows(30, seed=2)
    module = shaken(started(x, 2, (8,), 4), 0.1)
    holed = torch.where(torch.rand(x.shape, generator=generated(0)) < 0.3, torch.nan, x)
    holed[0] = torch.nan
    noise, input_noise = (
        torch.randn(30, 2, generator=generated(1)),
        torch.randn(x.shape, generator=generated(2)),
    )
    module.elbo(holed, noise, input_noise).total().sum().backward()
    for name, parameter in module.named_parameters():
        assert torch.isfinite(grad(parameter)).all(), name


def test_the_bound_of_an_extreme_row_is_finite_and_low(trained: Trained) -> None:
    """The largest cells that an encoder makes, 332 scales away, have a finite bound far below the others."""
    wild = trained.rows.clone()
    wild[:, :4] = 332.0
    bound = trained.module.antithetic_elbo(wild, torch.ones(2)).total()
    assert torch.isfinite(bound).all()
    assert bound.max() < -1000.0


def test_input_noise_is_seen_and_need_not_be_explained() -> None:
    """Noise on the input moves what is encoded and not what is explained: a blind encoder ignores it."""
    x = curved_rows(40, seed=3)
    module = started(x, 2, (), 4)
    noise, input_noise = (
        torch.randn(40, 2, generator=generated(0)),
        torch.randn(x.shape, generator=generated(1)),
    )
    with torch.no_grad():
        seen = module.elbo(x, noise, input_noise).total()
        assert not torch.allclose(seen, module.elbo(x, noise).total())
        module.encoder.weight.zero_()
        blind = module.elbo(x, noise, input_noise).total()
        assert torch.equal(blind, module.elbo(x, noise).total())


# ---------------------------------------------------------------------------------------- the generator
def test_the_global_generator_is_not_touched() -> None:
    """Building, starting and training a VAE neither draws from nor reseeds the global generator."""
    x = curved_rows(100, seed=4)
    before = torch.random.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    module = started(x, 2, (8,), 4)
    schedule = Schedule(n_steps=10, batch_size=32, learning_rate=1e-3, input_noise=0.1, keep=0.7)
    fit_module(module, x, schedule, generated(0), validation=x[:20])
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002

"""Exemplar priors: the latent term is a lower bound, and depends on the distance of the nearest exemplar."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from anomaly_vae.nn.priors import ExemplarPrior, StandardNormal

LAW = settings(deadline=None, max_examples=30, derandomize=True)
N_DRAWS = 20_000


def case(seed: int, n_exemplars: int = 7) -> tuple[ExemplarPrior, Tensor, Tensor]:
    """A prior in 3 dimensions, and the means and log variances of 20 posteriors, in float64."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    prior = ExemplarPrior(2.0 * draw(n_exemplars, 3), draw(3).exp())
    return prior, 2.0 * draw(20, 3), draw(20, 3)


def mixture(prior: ExemplarPrior) -> MixtureSameFamily:
    """The density that the prior stands for, as torch has it."""
    components = Independent(Normal(prior.exemplars, prior.variance.sqrt().expand_as(prior.exemplars)), 1)
    return MixtureSameFamily(Categorical(torch.ones(len(prior.exemplars), dtype=torch.float64)), components)


@LAW
@given(seed=st.integers(0, 1000))
def test_the_latent_term_is_a_bound(seed: int) -> None:
    """It is at most E_q[log p(z)] + H(q), estimated by Monte Carlo within four standard errors."""
    prior, mean, log_var = case(seed)
    q = Normal(mean, (0.5 * log_var).exp())
    noise = torch.randn(
        N_DRAWS // 10, 1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    draws = mixture(prior).log_prob(mean + q.stddev * noise)
    truth = draws.mean(dim=0) + q.entropy().sum(dim=1)
    error = draws.std(dim=0) / len(draws) ** 0.5
    assert (prior(mean, log_var) <= truth + 4.0 * error).all()


@LAW
@given(seed=st.integers(0, 1000))
def test_one_exemplar_is_a_gaussian(seed: int) -> None:
    """With one exemplar nothing is bounded: the term is the negative KL divergence from its Gaussian."""
    prior, mean, log_var = case(seed, n_exemplars=1)
    gaussian = Normal(prior.exemplars[0], prior.variance.sqrt())
    expected = -torch.distributions.kl_divergence(Normal(mean, (0.5 * log_var).exp()), gaussian).sum(dim=1)
    torch.testing.assert_close(prior(mean, log_var), expected)


def test_one_exemplar_at_the_origin_is_the_standard_normal() -> None:
    """An exemplar at 0 with variance 1 gives the latent term of N(0, I)."""
    _, mean, log_var = case(0)
    prior = ExemplarPrior(torch.zeros(1, 3, dtype=torch.float64), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(prior(mean, log_var), StandardNormal()(mean, log_var))


@LAW
@given(seed=st.integers(0, 1000))
def test_only_the_nearest_exemplar_counts(seed: int) -> None:
    """Two rows of one posterior variance differ by half the difference of their squared distances."""
    prior, mean, log_var = case(seed)
    log_var = log_var[:1].expand_as(mean)
    distance = torch.cdist(mean / prior.variance.sqrt(), prior.exemplars / prior.variance.sqrt()).square()
    nearest = distance.amin(dim=1)
    terms = prior(mean, log_var)
    torch.testing.assert_close(terms - terms[0], -0.5 * (nearest - nearest[0]))


def test_an_exemplar_is_never_worse_than_at_no_distance() -> None:
    """A code at an exemplar has the highest term there is, to float32's precision, however far out it is."""
    exemplars = 1000.0 * torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    prior = ExemplarPrior(exemplars, torch.full((8,), 0.01))
    terms = prior(exemplars, torch.full((50, 8), 0.01).log())
    assert (terms <= -torch.log(torch.tensor(50.0)) + 1e-5).all()


def test_the_nearest_exemplar_is_named_with_its_cost() -> None:
    """``nearest`` finds the exemplar that is nearest in deviations, and the half of its squared distance."""
    prior, mean, _ = case(3)
    exemplar, cost = prior.nearest(mean)
    distance = torch.cdist(mean / prior.variance.sqrt(), prior.exemplars / prior.variance.sqrt()).square()
    assert torch.equal(exemplar, prior.exemplars[distance.argmin(dim=1)])
    torch.testing.assert_close(cost, -0.5 * distance.amin(dim=1))

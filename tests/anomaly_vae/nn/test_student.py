"""Student-t noise: its density, its fit, and what a few wild rows cannot move."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, StudentT

from anomaly_vae.nn.student import fit_student_t, student_t_log_prob

LAW = settings(deadline=None, max_examples=50, derandomize=True)
DEGREES = [1.0, 3.0, 30.0]


@LAW
@given(x=st.floats(-1e3, 1e3), variance=st.floats(1e-3, 1e3), degrees_of_freedom=st.sampled_from(DEGREES))
def test_the_density_is_that_of_torch(x: float, variance: float, degrees_of_freedom: float) -> None:
    """student_t_log_prob of a squared distance is torch's log density."""
    value, scale = torch.tensor(x, dtype=torch.float64), torch.tensor(variance, dtype=torch.float64)
    ours = student_t_log_prob(value.square(), scale, degrees_of_freedom)
    expected = StudentT(degrees_of_freedom, 0.0, scale.sqrt()).log_prob(value)
    torch.testing.assert_close(ours, expected.to(ours), rtol=1e-5, atol=1e-5)


@LAW
@given(x=st.floats(-1e3, 1e3), variance=st.floats(1e-3, 1e3))
def test_infinite_degrees_of_freedom_are_a_gaussian(x: float, variance: float) -> None:
    """With infinite degrees of freedom it is the Gaussian log density."""
    value, scale = torch.tensor(x, dtype=torch.float64), torch.tensor(variance, dtype=torch.float64)
    ours = student_t_log_prob(value.square(), scale, math.inf)
    torch.testing.assert_close(ours, Normal(0.0, scale.sqrt()).log_prob(value))


@LAW
@given(
    distances=st.lists(st.floats(0, 1e4), min_size=1, max_size=5),
    degrees_of_freedom=st.sampled_from([*DEGREES, math.inf]),
)
def test_an_expected_distance_gives_a_bound(distances: list[float], degrees_of_freedom: float) -> None:
    """The log density at a mean squared distance is at most the mean of the log densities (Jensen)."""
    distance, one = torch.tensor(distances, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    mean = student_t_log_prob(distance, one, degrees_of_freedom).mean()
    assert student_t_log_prob(distance.mean(), one, degrees_of_freedom) <= mean + 1e-9


@pytest.mark.parametrize("degrees_of_freedom", DEGREES)
def test_the_fit_finds_the_maximum_of_the_likelihood(degrees_of_freedom: float) -> None:
    """At the fitted location and scale the gradient of the log likelihood vanishes."""
    x = torch.randn(500, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).exp()
    location, variance = fit_student_t(x, degrees_of_freedom, least_variance=1e-6)
    location.requires_grad_(), variance.requires_grad_()
    student_t_log_prob((x - location).square(), variance, degrees_of_freedom).mean().backward()
    for parameter in (location, variance):
        assert parameter.grad is not None
        assert parameter.grad.abs().max() < 1e-3


def test_infinite_degrees_of_freedom_give_mean_and_variance() -> None:
    """The Gaussian's fit is the mean and the variance of what is known."""
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    location, variance = fit_student_t(x, math.inf, least_variance=1e-6)
    torch.testing.assert_close(location, x.mean(dim=0))
    torch.testing.assert_close(variance, x.var(dim=0, correction=0))


def test_a_few_wild_rows_move_neither() -> None:
    """A tenth of the rows at a million move the location by half a scale at most, and at most double that."""
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    clean, clean_variance = fit_student_t(x, 1.0, least_variance=1e-4)
    x[:100] = 1e6
    location, variance = fit_student_t(x, 1.0, least_variance=1e-4)
    assert ((location - clean).abs() < 0.5 * clean_variance.sqrt()).all()
    assert (variance < 4.0 * clean_variance).all()


def test_missing_cells_have_no_say() -> None:
    """A NaN counts for nothing; a column of nothing else has location 0 and the least variance."""
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    expected = fit_student_t(x[:60], 1.0, least_variance=1e-4)
    x[60:, :] = torch.nan
    for ours, theirs in zip(fit_student_t(x, 1.0, least_variance=1e-4), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    location, variance = fit_student_t(torch.full((5, 1), torch.nan), 1.0, least_variance=0.01)
    assert float(location) == 0.0
    assert float(variance) == pytest.approx(0.01)

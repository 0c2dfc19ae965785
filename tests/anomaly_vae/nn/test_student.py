"""The density of Student-t noise."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, StudentT

from anomaly_vae.nn.student import student_t_log_prob

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

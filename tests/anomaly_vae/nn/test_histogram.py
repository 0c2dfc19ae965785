"""Histograms of independent columns: densities that integrate to one, point masses, and bounded costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.nn.histogram import MAX_VALUES, ColumnHistogram, column_steps, fit_densities
from anomaly_vae.nn.likelihoods import TableLikelihood

Floats = NDArray[np.float64]
LAW = settings(deadline=None, max_examples=50, derandomize=True)


def fitted(numbers: Floats) -> ColumnHistogram:
    """The histogram of numbers (n_rows, n_columns)."""
    densities = fit_densities(numbers)
    likelihood = TableLikelihood(numbers.shape[1], (), 1.0, len(numbers))
    module = ColumnHistogram(likelihood, densities.breaks.shape[1])
    module.start(densities)
    return module


def nats(module: ColumnHistogram, values: Floats) -> Floats:
    """Log density of one column."""
    x = torch.tensor(values, dtype=torch.float32)[:, None]
    return module.antithetic_elbo(x, torch.zeros(1)).features[:, 0].double().numpy()


@pytest.mark.parametrize("shape", ["normal", "exponential", "two clusters"])
@pytest.mark.parametrize("n_rows", [60, 5_000])
def test_a_density_integrates_to_one(shape: str, n_rows: int) -> None:
    """On a fine grid, out to where the broad density has no mass left."""
    random = np.random.default_rng(0)
    values = {
        "normal": random.normal(size=n_rows),
        "exponential": random.exponential(size=n_rows),
        "two clusters": random.normal(size=n_rows) + np.where(random.random(n_rows) < 0.5, -6, 6),
    }[shape]
    grid = np.linspace(-500.0, 500.0, 2_000_001)
    mass = np.exp(nats(fitted(values[:, None]), grid)).sum() * (grid[1] - grid[0])
    assert mass == pytest.approx(1.0, abs=5e-3)


@LAW
@given(
    values=st.lists(st.sampled_from([-2.0, 0.0, 0.3, 7.0]), min_size=20, max_size=300), new=st.floats(-50, 50)
)
def test_few_values_have_point_masses(values: list[float], new: float) -> None:
    """A value costs the log of its smoothed frequency; one that never occurred costs more than any."""
    x = np.array(values)
    module = fitted(x[:, None])
    distinct, counts = np.unique(x, return_counts=True)
    wanted = np.log((counts + 0.5) / (len(x) + 0.5 * (len(distinct) + 1)))
    np.testing.assert_allclose(nats(module, distinct), wanted, atol=0.1)
    if np.abs(distinct - new).min() > 0.01:
        assert nats(module, np.array([new]))[0] < nats(module, distinct).min()


def test_many_values_have_a_density() -> None:
    """The number of breaks is bounded whatever the number of rows and of distinct values."""
    random = np.random.default_rng(0)
    for values in (random.normal(size=20_000), random.integers(0, MAX_VALUES, 20_000).astype(float)):
        breaks, log_density = column_steps(values)
        assert len(log_density) == len(breaks) + 1 <= 2 * MAX_VALUES + 1
        assert (np.diff(breaks) >= 0).all()


def test_the_number_of_bins_follows_the_density() -> None:
    """A smooth column has few bins; one with as many rows in many clusters has many."""
    random = np.random.default_rng(0)
    smooth, _ = column_steps(random.normal(size=300))
    clusters, _ = column_steps(random.integers(0, 8, 300) + 0.05 * random.normal(size=300))
    assert len(smooth) < 25 < len(clusters)


@LAW
@given(far=st.floats(10.0, 1e5))
def test_the_cost_of_a_far_value_grows_with_the_log_of_its_distance(far: float) -> None:
    """It is at most log(n_rows) and twice the log of the distance, plus a constant."""
    values = np.random.default_rng(0).normal(size=500)
    cost = -nats(fitted(values[:, None]), np.array([far]))[0]
    assert math.log(500) < cost < math.log(502) + 2.0 * math.log(far) + 3.0


def test_missing_values_are_left_out() -> None:
    """They do not change a density, and a column without a value has one."""
    values = np.random.default_rng(0).normal(size=(400, 2))
    with_missing = np.r_[values, np.full((100, 2), np.nan)]
    one, other = fit_densities(values), fit_densities(with_missing)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    empty = fitted(np.full((5, 1), np.nan))
    assert np.isfinite(nats(empty, np.array([0.0, 3.0]))).all()

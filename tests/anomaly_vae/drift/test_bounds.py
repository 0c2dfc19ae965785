"""Upper bounds of means over Dirichlet shares."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.drift.bounds import mean_bounds

scipy_stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize(("counted", "others"), [(1.0, 50.0), (11.0, 190.0), (500.0, 500.0)])
@pytest.mark.parametrize("miss", [0.1, 1e-3, 1e-6])
def test_the_bound_of_one_share_is_above_its_quantile_and_near_it(counted, others, miss):
    """The share of one part of two follows a beta distribution, whose quantile is known."""
    values, parameters = np.array([[1.0], [0.0]]), np.array([[counted], [others]])
    bound = float(mean_bounds(values, parameters, miss)[0])
    exact = scipy_stats.beta.isf(miss, counted, others)
    assert exact <= bound <= scipy_stats.beta.isf(miss / 60, counted, others)


def test_means_of_random_shares_exceed_the_bound_at_most_as_often_as_stated():
    random = np.random.default_rng(0)
    values, parameters = random.normal(size=(8, 3)), np.array([3.0, 1, 4, 1, 5, 9, 2, 6])[:, None]
    means = random.dirichlet(parameters[:, 0], size=20_000) @ values
    over = (means > mean_bounds(values, parameters, 0.05)).mean(axis=0)
    assert ((over > 0.002) & (over <= 0.05)).all()


def test_a_bound_falls_towards_the_mean_with_the_number_of_rows():
    values, shares = np.array([[0.0], [1.0], [5.0]]), np.array([[0.2], [0.5], [0.3]])
    bounds = [float(mean_bounds(values, n * shares, 1e-4)[0]) for n in (10, 100, 1_000, 1e9)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] == pytest.approx(2.0, abs=1e-3)


def test_several_means_are_bounded_as_each_alone():
    random = np.random.default_rng(1)
    values, parameters = random.normal(size=(5, 4)), random.uniform(1, 9, size=(5, 4))
    alone = [mean_bounds(values[:, [k]], parameters[:, [k]], 0.01)[0] for k in range(4)]
    assert mean_bounds(values, parameters, 0.01) == pytest.approx(alone)

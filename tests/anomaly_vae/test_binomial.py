"""Quantiles of binomial and order statistics, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom

from anomaly_vae.binomial import binomial_quantiles, order_quantiles

SHARES = [0.05, 0.5, 0.95]


@pytest.mark.parametrize("n", [1, 2, 40, 999, 20_000])
@pytest.mark.parametrize("p", [1e-5, 0.01, 0.3, 0.9])
def test_binomial_quantiles_are_those_of_scipy(n: int, p: float) -> None:
    """The least count whose cumulative probability is at least the share."""
    assert binomial_quantiles(SHARES, n, p) == binom.ppf(SHARES, n, p).astype(int).tolist()


@pytest.mark.parametrize(("rank", "n"), [(1, 1), (1, 40), (40, 40), (10, 999), (500, 999), (3, 100_000)])
def test_order_quantiles_are_those_of_a_beta_distribution(rank: int, n: int) -> None:
    """The rank-th lowest of n uniform numbers follows Beta(rank, n + 1 - rank)."""
    wanted = beta.ppf(SHARES, rank, n + 1 - rank)
    np.testing.assert_allclose(order_quantiles(SHARES, rank, n), wanted, rtol=1e-8)

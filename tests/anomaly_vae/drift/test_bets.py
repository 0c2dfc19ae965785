"""Bets: their means over normal rows are at most 1, for all but few calibration samples."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.drift.bets import N_BETS, bets_on_ranks, bets_on_shares, ranks_of

MISS = 0.05


@pytest.mark.parametrize("n_rows", [3, 20, 200])
@pytest.mark.parametrize("shares", [np.full(10, 0.1), np.array([0.7, 0.1, 0.1, 0.05, 0.05])])
def test_means_over_the_true_distribution_exceed_1_for_few_calibration_samples(n_rows, shares):
    """For distributions with many ties, where ranks are divided at random."""
    random = np.random.default_rng(n_rows)
    too_high = 0
    for _ in range(300):
        codes = random.choice(len(shares), p=shares, size=n_rows).astype(np.uint8)
        means = shares @ bets_on_ranks(ranks_of(codes, len(shares)), MISS)
        too_high += bool((means > 1).any())
    assert too_high <= 300 * MISS


def test_bins_have_equal_numbers_of_rows_and_divide_ties_between_them():
    ranks = ranks_of(np.repeat(np.arange(4), [500, 250, 125, 125]).astype(np.uint8), 5)
    assert ranks.n_rows.sum() == 1_001
    assert ranks.n_rows == pytest.approx(np.full(32, 1_001 / 32), abs=1)
    assert ranks.parts.sum(axis=1) == pytest.approx(np.ones(5))
    n_bins = np.count_nonzero(ranks.parts[:4], axis=1)
    assert n_bins == pytest.approx([17, 9, 5, 5], abs=1)


def test_bets_are_for_shifts_and_spreads_in_both_directions():
    """Each kind of change has a bet that gains, and without a change none does."""
    codes = np.arange(64).repeat(50).astype(np.uint8)
    factors = np.log(bets_on_ranks(ranks_of(codes, 64), 1e-3))
    up, outer = (np.arange(64) / 63) ** 2, (np.arange(64) / 31.5 - 1) ** 4
    for weights in (up, up[::-1], outer, (1 - outer) ** 4):
        assert ((weights / weights.sum()) @ factors).max() > 0.01
    assert (factors.mean(axis=0) < 0).all()


def test_bets_on_a_share_gain_above_and_below_that_of_calibration():
    ((without, counted),) = bets_on_shares(np.array([100.0]), np.array([1_000.0]), 1e-3)
    assert len(counted) == N_BETS

    def gain(share: float) -> float:
        return float((share * np.log(counted) + (1 - share) * np.log(without)).max())

    assert gain(0.2) > 0 > gain(0.1)
    assert gain(0.03) > 0


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_means_of_bets_on_shares_exceed_1_for_few_calibration_samples(share):
    random, n_rows = np.random.default_rng(3), 60
    counted = random.binomial(n_rows, share, size=1_000).astype(float)
    factors = bets_on_shares(counted, np.full(1_000, float(n_rows)), MISS)
    means = share * factors[:, 1] + (1 - share) * factors[:, 0]
    assert (means > 1 + 1e-9).any(axis=1).mean() <= MISS

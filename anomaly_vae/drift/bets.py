"""Bets on rows: factors whose mean over normal rows is at most 1, as far as calibration rows can tell.

A bet is a likelihood ratio of rows that moved in one way against rows of calibration. It is divided by an
upper bound of its mean over normal rows, because a finite calibration sample leaves the distribution of
normal rows open. A product of such factors is a test supermartingale, for all but a stated share of
calibration samples.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.drift.bounds import mean_bounds

Floats = NDArray[np.float64]

N_BETS = 10
"""Bets on each stream."""

N_BINS = 32
"""Parts of equal numbers of calibration rows between which bets on numbers distinguish."""

_SHIFTS = (0.25, 0.5, 1.0, 2.0)
"""Means of moved rows, in standard deviations of normal scores, up and down."""

_SPREADS = (0.5, 2.0)
"""Standard deviations of moved rows, in those of normal scores."""

_LOGITS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""How far the logit of a share moves, up and down."""

_POINTS = 9


class Ranks(NamedTuple):
    """Codes of calibration rows as parts of bins of ranks.

    Attributes
    ----------
    parts : array of shape (n_codes, n_bins)
        How much of each code is in each bin; rows that tie are divided at random numbers, as ranks are.
    n_rows : array of shape (n_bins,)
        The parameters of the Dirichlet distribution of the shares of normal rows in the bins.
    """

    parts: Floats
    n_rows: Floats


def ranks_of(codes: NDArray[np.uint8], n_codes: int) -> Ranks:
    """Bins of the ordered codes of calibration rows, shape (n_rows,), at most ``N_BINS``."""
    n_rows = len(codes)
    n_bins = min(N_BINS, max(2, (n_rows + 1) // 2))
    edges = np.round(np.arange(n_bins + 1) * (n_rows + 1) / n_bins).astype(np.int64)
    places = np.sort(codes + np.random.RandomState(0).uniform(size=n_rows))
    bounds = np.concatenate([[0.0], places[edges[1:-1] - 1], [float(n_codes)]])
    starts = np.arange(n_codes)[:, None]
    inside = np.minimum(bounds[1:], starts + 1) - np.maximum(bounds[:-1], starts)
    return Ranks(np.maximum(inside, 0.0), np.diff(edges).astype(np.float64))


def bets_on_ranks(ranks: Ranks, miss: float) -> Floats:
    """Factors of each code for shifts and spreads, (n_codes, N_BETS); they fail with ``miss`` at most."""
    ratios, bounds = _rank_bets(tuple(ranks.n_rows.tolist()), miss)
    return np.asarray(ranks.parts @ ratios / bounds)


@cache
def _rank_bets(n_rows: tuple[float, ...], miss: float) -> tuple[Floats, Floats]:
    """Likelihood ratios by bin, (n_bins, N_BETS), and upper bounds of their means."""
    parameters = np.array(n_rows)
    ends = np.concatenate([[0.0], np.cumsum(parameters) / parameters.sum()])
    scores = _normal_quantiles(ends[:-1, None] + np.diff(ends)[:, None] * _middles())
    columns = [np.exp(sign * by * scores - by**2 / 2) for by, sign in product(_SHIFTS, (1, -1))]
    columns += [np.exp(0.5 * scores**2 * (1 - 1 / by**2)) / by for by in _SPREADS]
    ratios = np.stack([column.mean(axis=1) for column in columns], axis=1)
    return ratios, mean_bounds(ratios, parameters[:, None], miss / N_BETS)


def bets_on_shares(n_counted: Floats, n_rows: Floats, miss: float) -> Floats:
    """Factors of a row that does not count and of one that does, shape (n_shares, 2, N_BETS).

    For shares of rows that count above and below those of calibration, ``n_counted`` of ``n_rows``, both of
    shape (n_shares,); those of one share all fail with ``miss`` at most.
    """
    rises = _rises(n_counted, n_rows, miss / 2)
    falls = _rises(n_rows - n_counted, n_rows, miss / 2)[:, ::-1]
    return np.concatenate([rises, falls], axis=2)


def _rises(n_counted: Floats, n_rows: Floats, miss: float) -> Floats:
    """Factors for shares above those of calibration, shape (n_shares, 2, N_BETS / 2)."""
    # The upper end of Clopper and Pearson's interval is a quantile of Beta(counted + 1, rows - counted).
    can_rise = n_counted < n_rows
    parameters = np.stack([np.where(can_rise, n_rows - n_counted, 1.0), n_counted + 1.0])
    counts = np.repeat([[0.0], [1.0]], len(n_rows), axis=1)
    share = mean_bounds(counts, parameters, miss)[:, None]
    odds = share / (1.0 - share) * np.exp(_LOGITS)
    moved = odds / (1.0 + odds)
    factors = np.stack([(1.0 - moved) / (1.0 - share), moved / share], axis=1)
    return np.where(can_rise[:, None, None], factors, 1.0)


def _middles() -> Floats:
    """Midpoints of equal parts of a bin."""
    return (np.arange(_POINTS) + 0.5) / _POINTS


def _normal_quantiles(shares: Floats) -> Floats:
    """Quantiles of the standard normal distribution (without SciPy)."""
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([normal.inv_cdf(float(share)) for share in shares.ravel()]).reshape(shares.shape)

"""Quantiles of binomial and order statistics, for intervals of thresholds and of false-alarm rates.

SciPy has both, but importing ``scipy.stats`` takes longer than scoring a small table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HALVINGS = 64


def binomial_quantiles(shares: Sequence[float], n: int, p: float) -> list[int]:
    """The least number of successes whose probability of not being exceeded is at least each share.

    Of ``n`` trials that succeed with probability ``p``, between 0 and 1.
    """
    ways = _log_ways(n, n + 1)
    counts = np.arange(n + 1)
    logs = ways + counts * math.log(p) + (n - counts) * math.log1p(-p)
    up_to = np.exp(logs).cumsum()
    return [min(int(np.searchsorted(up_to, share, side="left")), n) for share in shares]


def order_quantiles(shares: Sequence[float], rank: int, n: int) -> list[float]:
    """Quantiles of the ``rank``-th lowest of ``n`` uniform numbers: those of Beta(rank, n + 1 - rank)."""
    ways, counts = _log_ways(n, rank), np.arange(rank)
    return [_root(share, ways, counts, n) for share in shares]


def _root(share: float, ways: Floats, counts: NDArray[np.int64], n: int) -> float:
    """The x at which P(fewer than ``rank`` of n numbers are below x) is 1 - share, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        x = 0.5 * (low + high)
        logs = ways + counts * math.log(x) + (n - counts) * math.log1p(-x)
        low, high = (low, x) if np.exp(logs).sum() < 1.0 - share else (x, high)
    return 0.5 * (low + high)


def _log_ways(n: int, n_counts: int) -> Floats:
    """Log of the ways to choose 0, 1, ... of n things, shape (n_counts,)."""
    chosen = np.array([math.lgamma(count + 1.0) for count in range(n_counts)])
    others = np.array([math.lgamma(n - count + 1.0) for count in range(n_counts)])
    return np.asarray(math.lgamma(n + 1.0) - chosen - others)

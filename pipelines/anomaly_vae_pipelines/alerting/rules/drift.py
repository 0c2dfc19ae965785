"""Drift: how far the scores of a window are from those of calibration, and the p-value of that distance.

The effect is the Kolmogorov-Smirnov distance, from 0 to 1: the largest difference between the shares of rows
below any one score. It does not grow with the number of rows, while the p-value shrinks with it, so a rule
uses both. Rows are counted between the scores of calibration. A window of any length therefore needs a few
thousand counts, and the distance is exact for up to ``MAX_STEPS`` distinct scores.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_STEPS = 1000
"""Scores of calibration at which the distance is measured; with more, it is off by up to 1 / MAX_STEPS."""

MAX_WINDOW = 1_000_000_000
"""The longest window that a message recommends, in rows."""


@dataclass(frozen=True)
class Drift:
    """How two samples of scores differ.

    Attributes
    ----------
    effect : float
        Kolmogorov-Smirnov distance, 0 to 1.
    p_value : float
        Probability of at least this distance between two samples of one distribution.
    lower : bool
        Whether the scores of the window are the lower ones (less normal).
    """

    effect: float
    p_value: float
    lower: bool


class Reference:
    """Scores of calibration, shape (n_rows,), against which windows are counted."""

    def __init__(self, scores: NDArray[np.float64]) -> None:
        ordered = np.sort(scores)
        self.n_rows = len(ordered)
        distinct = np.unique(ordered)
        chosen = np.linspace(0, len(distinct) - 1, min(len(distinct), MAX_STEPS)).round().astype(int)
        self._steps = distinct[chosen]
        self._under = np.searchsorted(ordered, self._steps, side="left") / self.n_rows
        self._up_to = np.searchsorted(ordered, self._steps, side="right") / self.n_rows

    def __str__(self) -> str:
        """A hash that differs between calibrations."""
        return hashlib.sha256(self._steps.tobytes() + self._up_to.tobytes()).hexdigest()[:16]

    def count(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows between the steps and at each of them, shape (2 * n_steps + 1,); counts of parts add up."""
        step = np.searchsorted(self._steps, scores, side="left")
        step += np.searchsorted(self._steps, scores, side="right")
        return np.bincount(step, minlength=2 * len(self._steps) + 1).astype(np.int64)

    def least_p_value(self, n_rows: int) -> float:
        """The smallest p-value that a window of this many rows can have.

        All scores of such a window are on one side of those of calibration. Two of all the ways to choose
        which scores are the window's give that.
        """
        log_ways = (
            math.lgamma(n_rows + self.n_rows + 1) - math.lgamma(n_rows + 1) - math.lgamma(self.n_rows + 1)
        )
        return float(min(2.0 * np.exp(-log_ways), 1.0))

    def rows_needed(self, p_value: float) -> int | None:
        """The fewest rows of a window that can have a p-value; None for more than ``MAX_WINDOW`` rows."""
        n_rows = range(1, MAX_WINDOW + 1)
        at = bisect_left(n_rows, True, key=lambda n: self.least_p_value(n) <= p_value)
        return n_rows[at] if at < len(n_rows) else None

    def distance(self, p_value: float, n_rows: int) -> float:
        """The distance that a window of this many rows must have for a p-value; at most 1."""
        from scipy.stats import kstwo

        return float(kstwo.isf(p_value, self._n_effective(n_rows))) if p_value > 0 else 1.0

    def compare(self, counts: NDArray[np.int64]) -> Drift:
        """The drift of a window with these counts."""
        from scipy.stats import kstwo

        n_rows, effect = int(counts.sum()), self.effect(counts)
        # The distribution of the distance assumes no ties, and gives a distance of 1 the probability 0.
        p_value = max(float(kstwo.sf(effect, self._n_effective(n_rows))), self.least_p_value(n_rows))
        return Drift(effect, p_value, self._widest(counts) > 0)

    def effect(self, counts: NDArray[np.int64]) -> float:
        """The Kolmogorov-Smirnov distance of a window with these counts, 0 to 1."""
        # Rounding may give a distance of 1 + 1e-16, which has no probability.
        return min(abs(self._widest(counts)), 1.0)

    def _widest(self, counts: NDArray[np.int64]) -> float:
        """The largest difference of shares, positive if the scores of the window are lower."""
        share = np.cumsum(counts) / int(counts.sum())
        gaps = np.concatenate([share[0:-1:2] - self._under, share[1::2] - self._up_to])
        return float(gaps[np.abs(gaps).argmax()])

    def _n_effective(self, n_rows: int) -> int:
        return max(round(n_rows * self.n_rows / (n_rows + self.n_rows)), 1)

"""Surprises: how far a statistic lies beyond those of normal images, in nats, and several heard together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEAST_SCALE = 0.01


@dataclass(frozen=True)
class Surprise:
    """-log p of a statistic that is larger the odder an image is, p being its upper tail in a Laplace law.

    Two numbers are all that is estimated, so that a handful of held-out images suffices: the median, and
    how far the upper half lies beyond it on average, which for an exponential tail is its scale.

    Attributes
    ----------
    median, scale : float
    """

    median: float
    scale: float

    @classmethod
    def fit(cls, statistics: Floats) -> Surprise:
        """From the statistics of normal images, shape (n_images,)."""
        median = float(np.median(statistics))
        beyond = statistics[statistics > median] - median
        scale = float(beyond.mean()) if len(beyond) else 0.0
        return cls(median, max(scale, _LEAST_SCALE * max(abs(median), 1.0)))

    def deviations(self, statistics: Floats) -> Floats:
        """The statistics less their median, in units of the scale."""
        return (statistics - self.median) / self.scale

    def __call__(self, statistics: Floats) -> Floats:
        """-log p in nats, shape (n_images,): log 2 at the median, one more with each scale beyond it."""
        deviations = self.deviations(statistics)
        below = -np.log1p(-0.5 * np.exp(np.minimum(deviations, 0.0)))
        return np.asarray(np.where(deviations > 0.0, math.log(2.0) + deviations, below))


def harmonic_mean_log_p(surprises: Sequence[Floats]) -> Floats:
    """Log of the harmonic mean of p-values given as -log p: whichever is surprised is heard.

    Wilson (2019), "The harmonic mean p-value for combining dependent tests", PNAS 116(4).
    """
    return np.asarray(math.log(len(surprises)) - np.logaddexp.reduce(np.stack(list(surprises)), axis=0))


def shares(surprises: Sequence[Floats]) -> Floats:
    """How much of the harmonic mean each surprise makes, (n_surprises, n_images); each image's sum to one."""
    stacked = np.stack(list(surprises))
    return np.asarray(np.exp(stacked - np.logaddexp.reduce(stacked, axis=0)))

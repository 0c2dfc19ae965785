"""Surprises: -log p of a statistic among those of normal images, in nats, and how several are combined."""

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
    """-log p of a statistic, where p is the upper tail of a Laplace distribution: large for odd images.

    Only two numbers are estimated, so a few held-out images suffice: the median, and the mean distance of
    the upper half from it, which is the scale of an exponential tail.

    Attributes
    ----------
    median, scale : float
    """

    median: float
    scale: float

    @classmethod
    def fit(cls, statistics: Floats) -> Surprise:
        """The distribution of statistics of normal images, shape (n_images,)."""
        median = float(np.median(statistics))
        beyond = statistics[statistics > median] - median
        scale = float(beyond.mean()) if len(beyond) else 0.0
        return cls(median, max(scale, _LEAST_SCALE * max(abs(median), 1.0)))

    def deviations(self, statistics: Floats) -> Floats:
        """The statistics minus the median, in units of the scale."""
        return (statistics - self.median) / self.scale

    def __call__(self, statistics: Floats) -> Floats:
        """-log p in nats, shape (n_images,): log 2 at the median, plus 1 for each scale above it."""
        deviations = self.deviations(statistics)
        below = -np.log1p(-0.5 * np.exp(np.minimum(deviations, 0.0)))
        return np.asarray(np.where(deviations > 0.0, math.log(2.0) + deviations, below))


def harmonic_mean_log_p(surprises: Sequence[Floats]) -> Floats:
    """Log of the harmonic mean of p-values given as -log p; one small p-value suffices to lower it.

    Wilson (2019), "The harmonic mean p-value for combining dependent tests", PNAS 116(4).
    """
    return np.asarray(math.log(len(surprises)) - np.logaddexp.reduce(np.stack(list(surprises)), axis=0))


def shares(surprises: Sequence[Floats]) -> Floats:
    """Share of each surprise in the harmonic mean, (n_surprises, n_images); they sum to 1 per image."""
    stacked = np.stack(list(surprises))
    return np.asarray(np.exp(stacked - np.logaddexp.reduce(stacked, axis=0)))

"""Surprises: -log p of a statistic among those of normal images, in nats, and how several are combined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class Statistics(NamedTuple):
    """Statistics of images, larger if more unusual: a column per level, and the gradients' negative ELBO."""

    places: Floats
    shape: Floats


@dataclass(frozen=True)
class ImageCalibration:
    """Surprises of the statistics: of each level, of the shape, and of their sum."""

    levels: tuple[Surprise, ...]
    shape: Surprise
    together: Surprise

    @classmethod
    def fit(cls, statistics: Statistics) -> ImageCalibration:
        """Estimate from statistics of held-out images."""
        levels = tuple(Surprise.fit(column) for column in statistics.places.T)
        shape = Surprise.fit(statistics.shape)
        return cls(levels, shape, Surprise.fit(_summed(levels, shape, statistics)))

    def __call__(self, statistics: Statistics) -> tuple[Floats, Floats]:
        """-log p of the sum, and of the shape alone, each of shape (n_images,)."""
        return self.together(_summed(self.levels, self.shape, statistics)), self.shape(statistics.shape)


def _summed(levels: Sequence[Surprise], shape: Surprise, statistics: Statistics) -> Floats:
    """Sum of the deviations of all statistics, because an anomaly affects more than one."""
    columns = zip(levels, statistics.places.T, strict=True)
    local = np.sum([level.deviations(column) for level, column in columns], axis=0)
    return np.asarray(local + shape.deviations(statistics.shape))


def harmonic_mean_log_p(surprises: Sequence[Floats]) -> Floats:
    """Log of the harmonic mean of p-values given as -log p; one small p-value suffices to lower it.

    Wilson (2019), "The harmonic mean p-value for combining dependent tests", PNAS 116(4).
    """
    return np.asarray(math.log(len(surprises)) - _log_sum(np.stack(list(surprises))))


def shares(surprises: Sequence[Floats]) -> Floats:
    """Share of each surprise in the harmonic mean, (n_surprises, n_images); they sum to 1 per image."""
    stacked = np.stack(list(surprises))
    return np.asarray(np.exp(stacked - _log_sum(stacked)))


def _log_sum(stacked: Floats) -> Floats:
    """Log of the sum of exponentials along the first axis; NaN without a warning where one is NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.logaddexp.reduce(stacked, axis=0))

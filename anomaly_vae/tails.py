"""The tail below the lowest calibration score: a generalised Pareto distribution, without a guarantee.

The lowest split conformal p-value is 1 / (n_calibration + 1). Below it, the peaks-over-threshold method
(Siffer et al. 2017, "Anomaly detection in streams with extreme value theory", KDD) estimates how fast the
density of normal scores decays: the excesses of the lowest calibration scores follow a generalised Pareto
distribution, averaged over the posterior of its shape (Zhang & Stephens 2009, "A new and efficient
estimation method for the generalized Pareto distribution", Technometrics 51(3)).

The tail starts at the lowest calibration score, where the guarantee ends, with the p-value at that point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.thresholds import (
    LEAST_SPREAD,
    LEAST_TAIL_ROWS,
    check_guarantee,
    conformal_p_values,
    least_false_alarm_rate,
)

Floats = NDArray[np.float64]
Tail: TypeAlias = Literal["empirical", "gpd"]

LEAST_CALIBRATION = LEAST_TAIL_ROWS
"""The fewest calibration rows."""

LEAST_EXCESSES = LEAST_CALIBRATION // 2
"""The fewest scores that a tail is fitted on."""

MAX_SHAPE = 1.0
"""Shape of the heaviest tail: above it even the mean excess would be infinite.

The lightest tail is exponential (shape 0). A score is a log density; that of a Gaussian is a sum of squares
and has an exponential tail. A lighter tail would have an end point, with p-values of 0 below it.
"""

MAX_SEVERITY = 100.0
"""Severities are cut here, at one in ten thousand million."""

_FARTHEST = 1e300
"""Distance below the lowest score, in nats, at which an offset is still a finite number."""

_RANGE = 1e9
"""Excesses are clipped to this many median excesses, and to this fraction of one."""


_HALVINGS = 64
"""Steps of a bisection, after which an offset is as exact as a float."""


@dataclass(frozen=True)
class LowerTail:
    """Distribution of normal scores below all calibration scores.

    A mixture of generalised Pareto distributions of the distance below the lowest calibration score.

    Attributes
    ----------
    lowest : float
        The lowest calibration score, in nats.
    least : float
        p-value of a score just below it: the lowest that can be guaranteed.
    weights, shapes, scales : array of shape (n_components,)
        Weights (which sum to 1), shapes and scales (nats) of the components.

    Examples
    --------
    >>> import numpy as np
    >>> scores = -np.random.default_rng(0).exponential(size=1000)
    >>> tail = LowerTail.fit(np.sort(scores))
    >>> bool(tail.p_values(np.array([-30.0]))[0] < 1e-5 < tail.least)
    True
    """

    lowest: float
    least: float
    weights: Floats
    shapes: Floats
    scales: Floats

    @classmethod
    def fit(cls, calibration: Floats) -> Self:
        """The tail of calibration scores of shape (n_calibration,), sorted, ascending.

        Raises InputError for fewer than ``LEAST_CALIBRATION`` scores, or if too many of them are equal.
        """
        check_tail(len(calibration))
        excesses = _excesses(calibration)
        logits, shapes, scales = _components(excesses)
        # Beyond an excess, a generalised Pareto distribution is one with the same shape.
        logits = logits + _log_share_beyond(excesses[-1], shapes, scales)
        weights = np.exp(logits - logits.max())
        weights /= weights.sum()
        scales = scales + shapes * excesses[-1]
        least = least_false_alarm_rate(len(calibration))
        return cls(float(calibration[0]), least, weights, shapes, scales)

    def p_values(self, scores: Floats) -> Floats:
        """P(normal score <= score), shape (n_rows,); ``least`` for scores above the lowest one."""
        return np.asarray(self.least * np.exp(self.log_sf(np.maximum(self.lowest - scores, 0.0))))

    def log_sf(self, distances: Floats) -> Floats:
        """Log of the share of this tail beyond distances (n_rows,) below the lowest score, in nats."""
        with np.errstate(over="ignore", divide="ignore"):
            # As logs, because division by a weight that is next to 0 would overflow.
            logs = _log_share_beyond(distances[:, None], self.shapes, self.scales) + np.log(self.weights)
            highest = logs.max(axis=1)
            known = np.isfinite(highest)
            sums = np.exp(logs[known] - highest[known, None]).sum(axis=1)
            highest[known] += np.log(sums)
            return np.asarray(highest)

    def offset(self, rate: float) -> float:
        """The score below which a normal row falls with probability ``rate``, less than ``least``."""
        # The quantile of a mixture is between those of its components, apart from rounding.
        with np.errstate(over="ignore"):
            quantiles = _distances(rate / self.least, self.shapes, self.scales)
        near, far = 0.999 * quantiles.min(), min(1.001 * quantiles.max(), _FARTHEST)
        if self._surplus(far, rate) > 0.0:
            return float(self.lowest - far)
        low, high = math.log(near), math.log(far)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self._surplus(math.exp(middle), rate) > 0.0 else (low, middle)
        return float(self.lowest - math.exp(0.5 * (low + high)))

    def _surplus(self, distance: float, rate: float) -> float:
        """Log of the p-value at a distance, minus the log of a rate."""
        beyond = float(self.log_sf(np.array([distance]))[0])
        return beyond + math.log(self.least) - math.log(rate)


def _log_share_beyond(distances: Floats, shapes: Floats, scales: Floats) -> Floats:
    """Log of the share of generalised Pareto distributions beyond distances of at least 0."""
    x, is_heavy = distances / scales, shapes > 0.0
    heavy = np.where(is_heavy, shapes, 1.0)
    return np.where(is_heavy, -np.log1p(heavy * x) / heavy, -x)


def _distances(share: float, shapes: Floats, scales: Floats) -> Floats:
    """Distances beyond which generalised Pareto distributions have this share."""
    is_heavy, log = shapes > 0.0, math.log(share)
    heavy = np.where(is_heavy, shapes, 1.0)
    return np.asarray(scales * np.where(is_heavy, np.expm1(-heavy * log) / heavy, -log))


def check_tail(n_calibration: int) -> None:
    """Raise InputError if there are too few calibration rows for a tail."""
    if n_calibration < LEAST_CALIBRATION:
        raise InputError(
            f"a tail of {n_calibration} held-out rows cannot be estimated; it needs at least "
            f"{LEAST_CALIBRATION}. Fit on more rows, or raise validation_fraction (above 2,000 rows)"
        )


def check_rate(rate: float, n_calibration: int, tail: Tail) -> None:
    """Raise InputError if ``n_calibration`` rows can neither guarantee nor estimate a rate."""
    if tail == "empirical":
        check_guarantee(rate, n_calibration)
    elif rate < least_false_alarm_rate(n_calibration):
        check_tail(n_calibration)


def p_value_function(calibration: Floats, tail: Tail) -> Callable[[Floats], Floats]:
    """The function from scores to p-values, each of shape (n_rows,), with this calibration and tail.

    A tail is fitted once, here; raises InputError as ``LowerTail.fit`` does.
    """
    if tail == "empirical":
        return partial(conformal_p_values, calibration=calibration)
    fitted = LowerTail.fit(calibration)

    def p_values(scores: Floats) -> Floats:
        found = conformal_p_values(scores, calibration)
        below = scores < fitted.lowest
        found[below] = fitted.p_values(scores[below])
        return found

    return p_values


def tail_p_values(scores: Floats, calibration: Floats) -> Floats:
    """Conformal p-values; below the lowest calibration score, p-values of the ``LowerTail``.

    Raises InputError as ``LowerTail.fit`` does.
    """
    return p_value_function(calibration, "gpd")(scores)


@dataclass(frozen=True)
class SeverityScale:
    """Severity of scores, computed from calibration scores once and for any number of rows.

    Attributes
    ----------
    scores : array of shape (n_values,)
        The different calibration scores in nats, ascending.
    log_p : array of shape (n_values,)
        Log of the estimated p-value of each; 0 at the highest.
    tail : LowerTail
        How p-values fall below the lowest score.

    Examples
    --------
    >>> import numpy as np
    >>> scores = -np.random.default_rng(0).exponential(size=1000)
    >>> scale = SeverityScale.fit(np.sort(scores))
    >>> scale.severities(np.array([0.0, np.quantile(scores, 0.1), -1e9])).round().tolist()
    [0.0, 10.0, 100.0]
    """

    scores: Floats
    log_p: Floats
    tail: LowerTail

    @classmethod
    def fit(cls, calibration: Floats) -> Self:
        """The scale of calibration scores of shape (n_calibration,), sorted, ascending, one or more."""
        values, counts = np.unique(calibration, return_counts=True)
        log_p = np.log(counts.cumsum() / (len(calibration) + 1.0))
        log_p[-1] = 0.0  # the conformal p-value, so that there is no step at the highest score
        return cls(values, log_p, _tail_or_exponential(calibration))

    def severities(self, scores: Floats) -> Floats:
        """Severity of scores, from 0 to ``MAX_SEVERITY``, shape (n_rows,): -10 log10 of an estimated p-value.

        This is the Phred scale: 20 is one in a hundred normal rows, 50 one in a hundred thousand. Severity
        is continuous in the score and never increases with it. Between calibration scores the log of the
        p-value is interpolated; below the lowest one the tail is estimated, without a guarantee.
        """
        log_p = np.interp(scores, self.scores, self.log_p)
        below = scores < self.scores[0]
        if below.any():
            log_p[below] += self.tail.log_sf(self.scores[0] - scores[below])
        return np.minimum(-10.0 / math.log(10.0) * log_p + 0.0, MAX_SEVERITY)


def severities(scores: Floats, calibration: Floats) -> Floats:
    """Severity of scores (see ``SeverityScale``) from calibration scores, sorted, ascending."""
    return SeverityScale.fit(calibration).severities(scores)


def _tail_or_exponential(calibration: Floats) -> LowerTail:
    """The ``LowerTail`` of calibration scores; an exponential one if none can be fitted.

    Its mean is the mean distance of the lower half of the scores from the median.
    """
    try:
        return LowerTail.fit(calibration)
    except InputError:
        median = float(np.median(calibration))
        scale = max(median - float(calibration[calibration <= median].mean()), LEAST_SPREAD)
        least, one = least_false_alarm_rate(len(calibration)), np.ones(1)
        return LowerTail(float(calibration[0]), least, one, np.zeros(1), scale * one)


def _excesses(calibration: Floats) -> Floats:
    """Distances of the lowest scores from the next higher score, ascending, all positive.

    They are 3 sqrt(n) of n scores, as in Vehtari et al. (2024), "Pareto smoothed importance sampling", but
    at most a fifth of them, and at least ``LEAST_EXCESSES``.
    """
    n_rows = len(calibration)
    wanted = max(LEAST_EXCESSES, min(n_rows // 5, int(3.0 * n_rows**0.5)))
    n_excesses = int(np.searchsorted(calibration, calibration[wanted - 1], side="right"))
    if n_excesses == n_rows:
        raise InputError(
            f"a tail of {n_rows} held-out rows cannot be estimated, because all but {wanted - 1} or fewer of "
            f"their scores are equal; use a false-alarm rate that the rows can guarantee"
        )
    return np.asarray(calibration[n_excesses] - calibration[:n_excesses])[::-1]


def _components(excesses: Floats) -> tuple[Floats, Floats, Floats]:
    """Log weights, shapes and scales of a mixture fitted to positive excesses (ascending).

    There is one component for each b = -shape / scale in the grid of Zhang & Stephens, with the maximum
    likelihood shape given b, and weighted by its likelihood. Shapes are clipped to 0 to ``MAX_SHAPE``.
    """
    unit = 0.5 * (excesses[(len(excesses) - 1) // 2] + excesses[len(excesses) // 2])
    y = np.clip(excesses / unit, 1.0 / _RANGE, _RANGE)
    b = _ratios(y)
    b = np.where(b == 0.0, 1.0 / _RANGE, b)
    shapes = np.log1p(-b[:, None] * y).mean(axis=1)
    scales = -shapes / b
    log_likelihood = len(y) * (-np.log(scales) - shapes - 1.0)
    scales = np.where(shapes > 0.0, scales, y.mean())
    return log_likelihood, np.clip(shapes, 0.0, MAX_SHAPE), unit * scales


def _ratios(y: Floats) -> Floats:
    """Zhang & Stephens' grid of b, all below 1 / max(y), where the likelihood is defined."""
    n_components = 30 + int(len(y) ** 0.5)
    steps = 1.0 - np.sqrt(n_components / (np.arange(n_components) + 0.5))
    return np.asarray(1.0 / y[-1] + steps / (3.0 * y[int(len(y) / 4 + 0.5) - 1]))

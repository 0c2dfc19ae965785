"""The tail below the lowest calibration score: a generalised Pareto law, an estimate without a guarantee.

Split conformal p-values end at 1 / (n_calibration + 1). Beyond, peaks over a threshold (Siffer et al. 2017,
"Anomaly detection in streams with extreme value theory", KDD) say how fast normal scores thin out: the
excesses of the lowest calibration scores follow a generalised Pareto law, whose shape is averaged over what
those excesses leave possible (Zhang & Stephens 2009, "A new and efficient estimation method for the
generalized Pareto distribution", Technometrics 51(3)).

The tail begins where the guarantee ends: at the lowest calibration score, with the p-value that it has there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp, softmax
from scipy.stats import genpareto

from anomaly_vae.errors import InputError
from anomaly_vae.thresholds import check_guarantee, conformal_p_values, least_false_alarm_rate

Floats = NDArray[np.float64]
Tail: TypeAlias = Literal["empirical", "gpd"]

LEAST_EXCESSES = 20
"""Scores that a tail is fitted on, at least."""

LEAST_CALIBRATION = 2 * LEAST_EXCESSES
"""Calibration rows without which half of the scores would have to count as their tail."""

MAX_SHAPE = 1.0
"""Heaviest tail: beyond it even the mean excess would be infinite.

The lightest is exponential, of shape 0. A score is a log density, and the squares in that of a Gaussian give
it an exponential tail already; a lighter one would end somewhere, and call all below it impossible.
"""

_FARTHEST = 1e300
"""Nats below the lowest score where an offset still is a finite number."""

_GRADES = 1e9
"""Excesses are told apart over as many median excesses, and as many parts of one."""


@dataclass(frozen=True)
class LowerTail:
    """How likely a normal row scores below all calibration rows, and by how much.

    A mixture of generalised Pareto laws of the distance below the lowest calibration score.

    Attributes
    ----------
    lowest : float
        The lowest calibration score, in nats.
    least : float
        p-value of a score just below it: the least that can be guaranteed.
    weights, shapes, scales : array of shape (n_laws,)
        Weights (which sum to 1), shapes and scales (nats) of the laws.

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

        Raises InputError for fewer than ``LEAST_CALIBRATION`` scores, and where too many of them tie.
        """
        check_tail(len(calibration))
        excesses = _excesses(calibration)
        logits, shapes, scales = _laws(excesses)
        # What is left of a generalised Pareto law beyond an excess is one again, of the same shape.
        left = softmax(logits + genpareto.logsf(excesses[-1], shapes, scale=scales))
        scales = scales + shapes * excesses[-1]
        least = least_false_alarm_rate(len(calibration))
        return cls(float(calibration[0]), least, left, shapes, scales)

    def p_values(self, scores: Floats) -> Floats:
        """Chance of a normal score no higher, shape (n_rows,); ``least`` from the lowest one up."""
        distances = np.maximum(self.lowest - scores, 0.0)
        laws = zip(self.weights, self.shapes, self.scales, strict=True)
        with np.errstate(over="ignore"):
            beyond = sum(
                weight * genpareto.sf(distances, shape, scale=scale) for weight, shape, scale in laws
            )
        return np.asarray(self.least * beyond)

    def offset(self, rate: float) -> float:
        """The score below which a normal row falls at ``rate``, which is less than ``least``."""
        # The quantile of a mixture lies among those of its laws, rounding aside.
        with np.errstate(over="ignore"):
            quantiles = genpareto.isf(rate / self.least, self.shapes, scale=self.scales)
        near, far = 0.999 * quantiles.min(), min(1.001 * quantiles.max(), _FARTHEST)
        surplus = partial(self._surplus, rate=rate)
        if surplus(far) > 0.0:
            return float(self.lowest - far)
        log_distance = brentq(lambda log: surplus(math.exp(log)), math.log(near), math.log(far), xtol=1e-12)
        return float(self.lowest - math.exp(log_distance))

    def _surplus(self, distance: float, rate: float) -> float:
        """By how much the logarithm of the p-value at a distance is above that of a rate."""
        beyond = genpareto.logsf(distance, self.shapes, scale=self.scales)
        return float(logsumexp(beyond, b=self.weights) + math.log(self.least) - math.log(rate))


def check_tail(n_calibration: int) -> None:
    """Raise InputError where so many calibration rows are too few for a tail."""
    if n_calibration < LEAST_CALIBRATION:
        raise InputError(
            f"a tail of {n_calibration} held-out rows cannot be estimated: wanted {LEAST_CALIBRATION} at "
            f"least. Fit on more rows, or raise validation_fraction"
        )


def check_rate(rate: float, n_calibration: int, tail: Tail) -> None:
    """Raise InputError for a rate that that number of calibration rows can neither guarantee nor estimate."""
    if tail == "empirical":
        check_guarantee(rate, n_calibration)
    elif rate < least_false_alarm_rate(n_calibration):
        check_tail(n_calibration)


def tail_p_values(scores: Floats, calibration: Floats) -> Floats:
    """Conformal p-values, and below the lowest calibration score those of the ``LowerTail``.

    Raises InputError as ``LowerTail.fit`` does.
    """
    p_values = conformal_p_values(scores, calibration)
    below = scores < calibration[0]
    p_values[below] = LowerTail.fit(calibration).p_values(scores[below])
    return p_values


def _excesses(calibration: Floats) -> Floats:
    """How far the lowest scores lie below the first that is not one of them, ascending, all positive.

    They are 3 sqrt(n) of n scores, as in Vehtari et al. (2024), "Pareto smoothed importance sampling", but
    no more than a fifth, and ``LEAST_EXCESSES`` at least.
    """
    n_rows = len(calibration)
    wanted = max(LEAST_EXCESSES, min(n_rows // 5, int(3.0 * n_rows**0.5)))
    n_excesses = int(np.searchsorted(calibration, calibration[wanted - 1], side="right"))
    if n_excesses == n_rows:
        raise InputError(
            f"a tail of {n_rows} held-out rows cannot be estimated, because all but {wanted - 1} or fewer of "
            f"their scores tie; ask for a false-alarm rate that the rows can guarantee"
        )
    return np.asarray(calibration[n_excesses] - calibration[:n_excesses])[::-1]


def _laws(excesses: Floats) -> tuple[Floats, Floats, Floats]:
    """Log weights, shapes and scales of the laws that positive excesses (ascending) may follow.

    Zhang & Stephens' grid of the ratio b of shape to scale, negated, each with the likeliest shape given b
    and weighted by its likelihood. Shapes are kept within 0 and ``MAX_SHAPE``.
    """
    unit = np.median(excesses)
    y = np.clip(excesses / unit, 1.0 / _GRADES, _GRADES)
    b = _ratios(y)
    b = np.where(b == 0.0, 1.0 / _GRADES, b)
    shapes = np.log1p(-b[:, None] * y).mean(axis=1)
    scales = -shapes / b
    log_likelihood = len(y) * (-np.log(scales) - shapes - 1.0)
    scales = np.where(shapes > 0.0, scales, y.mean())
    return log_likelihood, np.clip(shapes, 0.0, MAX_SHAPE), unit * scales


def _ratios(y: Floats) -> Floats:
    """Zhang & Stephens' grid of b, all below 1 / max(y) as the law demands."""
    n_laws = 30 + int(len(y) ** 0.5)
    steps = 1.0 - np.sqrt(n_laws / (np.arange(n_laws) + 0.5))
    return np.asarray(1.0 / y[-1] + steps / (3.0 * y[int(len(y) / 4 + 0.5) - 1]))

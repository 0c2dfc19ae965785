"""Thresholds and p-values: pure functions of scores, where higher is more normal.

Split conformal p-values (Bates et al. 2023, "Testing for outliers with conformal p-values", Annals
of Statistics 51(1)): if held-out rows and a new normal row are exchangeable, the probability that the
new row's p-value is at most r is at most r.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.binomial import binomial_quantiles, order_quantiles
from anomaly_vae.errors import InputError

Floats = NDArray[np.float64]
Interval = tuple[float, float]

AUTO_FALSE_ALARM_RATE = 0.01
"""The rate that ``contamination="auto"`` guarantees for clean rows, from 1,000 calibration rows on."""

AUTO_RANK, MAX_AUTO_RATE = 10, 0.05
"""With fewer rows: the rank of the calibration score that is the threshold, and the highest rate."""

FENCE = 4.0
"""Distance of the threshold below the median, in lower half-spreads, for data that may hold anomalies.

About 0.4 % of Gaussian scores are below it, and 3 % of scores with an exponential tail. For clean rows that
were not trained on, the mean of 66 fits on 22 real tables is 8.2 %, with 1 to 19 % in a single fit
(``benchmarks/fence.py``)."""

LEAST_SPREAD = math.log(2.0)
"""Least lower half-spread of scores, in nats: the half-life of an exponential tail."""

LEAST_TAIL_ROWS = 40
"""The fewest calibration rows that a tail is estimated from; of fewer, more than half would be the tail."""

CONFIDENCE = 0.9
"""Confidence of intervals; each end is missed with half of the remaining probability."""

_QUANTILES = [(1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0]

_ROUNDING = 1e-9
"""Tolerance in rows for rates written in decimals: 0.29 * 100 is 28.999999999999996 in floats."""


def conformal_p_values(scores: Floats, calibration: Floats) -> Floats:
    """Share of calibration scores (sorted, ascending) that are at most the score, including the new row.

    Both arrays are one-dimensional; the smallest p-value is 1 / (n_calibration + 1).
    """
    return np.asarray((np.searchsorted(calibration, scores, side="right") + 1.0) / (len(calibration) + 1.0))


def least_false_alarm_rate(n_calibration: int) -> float:
    """The smallest rate that ``n_calibration`` rows can guarantee."""
    return 1.0 / (n_calibration + 1.0)


def n_calibration_needed(rate: float) -> int:
    """The fewest calibration rows that can guarantee a rate."""
    return max(1, math.ceil((1.0 - _ROUNDING) / rate) - 1)


def check_guarantee(rate: float, n_calibration: int) -> None:
    """Raise InputError if ``n_calibration`` rows are too few to guarantee a rate."""
    if not can_guarantee(rate, n_calibration):
        lowest = f"{rounded_up(least_false_alarm_rate(n_calibration)):g}"
        raise InputError(
            f"a false-alarm rate of {rate:g} cannot be guaranteed from "
            f"{ways_out(rate, n_calibration, lowest)}"
        )


def can_guarantee(rate: float, n_calibration: int) -> bool:
    """Whether ``n_calibration`` rows are enough to guarantee a rate."""
    return _rank(rate, n_calibration) >= 1


def ways_out(rate: float, n_calibration: int, lowest: str) -> str:
    """The end of a message about a rate that is too low: the rows that there are, and what to do.

    ``lowest`` is the lowest value that can be asked for, in the terms in which it was asked.
    """
    since = f" from {LEAST_TAIL_ROWS} held-out rows on" if n_calibration < LEAST_TAIL_ROWS else ""
    return (
        f"{n_calibration:,} held-out rows; it needs {n_calibration_needed(rate):,}. Use {lowest} or more, "
        "fit on more rows, raise validation_fraction (above 2,000 rows), or estimate the rate with "
        f"tail='gpd' (--tail gpd){since}"
    )


def false_alarm_offset(calibration: Floats, rate: float) -> float:
    """The highest offset below which a new normal row falls with probability at most ``rate``.

    ``calibration`` is sorted, ascending. Raises InputError if it has too few rows for the rate.
    """
    check_guarantee(rate, len(calibration))
    rank = _rank(rate, len(calibration))
    return float(calibration[min(rank, len(calibration)) - 1])


def threshold_interval(calibration: Floats, rate: float) -> Interval:
    """Interval of scores, in nats, that contains the ``rate``-quantile of normal scores.

    The ends are calibration scores (sorted, ascending). At least a share ``CONFIDENCE`` of calibrations has
    the quantile in the interval, whatever the distribution, because the number of scores below it is
    binomial (David & Nagaraja 2003, "Order Statistics", section 7.1). An end is infinite if the scores are
    too few to bound the quantile on that side.
    """
    n_calibration = len(calibration)
    low, high = binomial_quantiles(_QUANTILES, n_calibration, rate)
    # Both ranks count from 1. One more than the upper quantile: the score of that rank is above the quantile.
    scores = np.concatenate([[-np.inf], calibration, [np.inf]])
    return float(scores[low]), float(scores[high + 1])


def false_alarm_interval(n_calibration: int, rate: float) -> Interval:
    """Interval of the actual false-alarm rate of one threshold that guarantees ``rate``.

    The guarantee holds in the mean over calibrations. The share of normal rows below the calibration score of
    rank k of n follows Beta(k, n + 1 - k) if scores have no ties (Vovk 2012, "Conditional validity of
    inductive conformal predictors", ACML). Raises InputError as ``check_guarantee`` does.
    """
    check_guarantee(rate, n_calibration)
    rank = min(_rank(rate, n_calibration), n_calibration)
    low, high = order_quantiles(_QUANTILES, rank, n_calibration)
    return low, high


def _rank(rate: float, n_calibration: int) -> int:
    """How many of the calibration scores and the new score a rate allows at or below the offset."""
    return math.floor(rate * (n_calibration + 1) + _ROUNDING)


def rounded_up(rate: float) -> float:
    """The next rate with three significant digits, so that a user can use the rate in a message."""
    digits = 2 - math.floor(math.log10(rate))
    return math.ceil(rate * 10.0**digits - _ROUNDING) / 10.0**digits


def auto_false_alarm_rate(n_calibration: int) -> float:
    """``AUTO_FALSE_ALARM_RATE``, or a higher rate if that would leave the threshold to chance.

    At least ``AUTO_RANK`` calibration rows are at or below the threshold, unless the rate would then exceed
    ``MAX_AUTO_RATE``. No rate is below the least one that can be guaranteed.
    """
    least = least_false_alarm_rate(n_calibration)
    return max(AUTO_FALSE_ALARM_RATE, min(AUTO_RANK * least, MAX_AUTO_RATE), least)


def fence_offset(calibration: Floats) -> float:
    """The median less ``FENCE`` times its distance to the lower quartile.

    It follows Tukey's box plot (1977), with the spread of the lower half because scores have a long lower
    tail. It is robust: even with very low scores, anomalies that are a tenth of the rows lower it by less
    than one standard deviation of Gaussian normal scores. Equal scores, as in a table of categories, have
    no spread; it is then taken as ``LEAST_SPREAD`` nats.
    """
    quartile, median = np.quantile(calibration, [0.25, 0.5])
    return float(median - FENCE * max(median - quartile, LEAST_SPREAD))


def contamination_offset(scores: Floats, contamination: float) -> float:
    """The offset below which the given share of ``scores`` lies."""
    return float(np.quantile(scores, contamination))

"""Thresholds and p-values: pure functions of scores, where higher is more normal.

Split conformal p-values (Bates et al. 2023, "Testing for outliers with conformal p-values", Annals
of Statistics 51(1)): if held-out rows and a new normal row are exchangeable, the chance that the
new row's p-value is at most r is at most r.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError

Floats = NDArray[np.float64]

AUTO_FALSE_ALARM_RATE = 0.01
"""What ``contamination="auto"`` guarantees on clean rows, if enough of them are held out."""

FENCE = 3.0
"""Lower half-spreads below the median where contaminated rows are fenced off: about 2 % of a
Gaussian's rows lie beyond it, and 6 % of an exponential tail's. Of clean rows that were not trained on,
6.4 % do in the mean of 66 fits on 22 real tables, and 0 to 22 % in a single fit (``benchmarks/fence.py``)."""

LEAST_SPREAD = math.log(2.0)
"""Least lower half-spread of scores, in nats: that of an exponential tail, half as likely each time."""

_ROUNDING = 1e-9
"""What a rate written in decimals may lack, in rows: 0.29 * 100 is 28.999999999999996 in floats."""


def conformal_p_values(scores: Floats, calibration: Floats) -> Floats:
    """Share of calibration scores (sorted, ascending) that are no higher, the new row counted in.

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
    if _rank(rate, n_calibration) >= 1:
        return
    least = rounded_up(least_false_alarm_rate(n_calibration))
    raise InputError(
        f"a false-alarm rate of {rate:g} cannot be guaranteed from {n_calibration:,} held-out rows, but "
        f"from {n_calibration_needed(rate):,}. Ask for {least:g} or more, fit on more rows, raise "
        f"validation_fraction, or have the rate estimated with tail='gpd' (--tail gpd)"
    )


def false_alarm_offset(calibration: Floats, rate: float) -> float:
    """The highest offset below which a new normal row falls with probability at most ``rate``.

    ``calibration`` is sorted, ascending. Raises InputError where it has too few rows for the rate.
    """
    check_guarantee(rate, len(calibration))
    rank = _rank(rate, len(calibration))
    return float(calibration[min(rank, len(calibration)) - 1])


def _rank(rate: float, n_calibration: int) -> int:
    """How many calibration scores, and the new one, a rate leaves at or below the offset."""
    return math.floor(rate * (n_calibration + 1) + _ROUNDING)


def rounded_up(rate: float) -> float:
    """The next rate with three significant digits: what a message names can be asked for."""
    digits = 2 - math.floor(math.log10(rate))
    return math.ceil(rate * 10.0**digits - _ROUNDING) / 10.0**digits


def auto_false_alarm_rate(n_calibration: int) -> float:
    """``AUTO_FALSE_ALARM_RATE``, or the least rate that can be guaranteed if that is higher."""
    return max(AUTO_FALSE_ALARM_RATE, least_false_alarm_rate(n_calibration))


def fence_offset(calibration: Floats) -> float:
    """The median less ``FENCE`` times its distance to the lower quartile.

    It follows Tukey's box plot (1977), with the spread of the lower half since scores have a long lower
    tail. Anomalies pull it down, however low their scores, only as far as quantiles of the others: among
    normal scores that are Gaussian, by less than one standard deviation if they are a tenth of the rows.
    Scores that tie, as those of a table of categories do, have no spread; it is taken for at least
    ``LEAST_SPREAD`` nats.
    """
    quartile, median = np.quantile(calibration, [0.25, 0.5])
    return float(median - FENCE * max(median - quartile, LEAST_SPREAD))


def contamination_offset(scores: Floats, contamination: float) -> float:
    """The offset below which the given share of ``scores`` falls."""
    return float(np.quantile(scores, contamination))

"""Upper bounds on the means of new rows, from a finite number of calibration rows.

The shares of all normal rows between the order statistics of calibration rows follow a Dirichlet
distribution, whatever the distribution of the rows (Wilks 1942). A mean over such shares is therefore below
its upper quantile with a known probability over the choice of the calibration rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HALVINGS = 60
_LOG_RANGE = 25.0


def mean_bounds(values: Floats, parameters: Floats, miss: float) -> Floats:
    """Numbers that the mean of values over random shares exceeds with probability ``miss`` at most.

    By Chernoff's bound of a Dirichlet distribution, so that it holds exactly and is not estimated.

    Parameters
    ----------
    values : array of shape (n_parts, n_means)
        The value of each part; several means at once.
    parameters : array of shape (n_parts, n_means) or (n_parts, 1)
        Parameters of the Dirichlet distribution of the shares: numbers of rows, above 0.
    miss : float
        Probability that the bound is too low.

    Returns
    -------
    bounds : array of shape (n_means,)
    """
    least, span, wanted = values.min(axis=0), np.ptp(values, axis=0), -math.log(miss)
    parts = (values - least) / np.where(span > 0, span, 1.0)
    low, high = np.full(len(span), -_LOG_RANGE), np.full(len(span), _LOG_RANGE)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        enough = _tilted(parts, parameters, 1.0 + np.exp(middle))[1] >= wanted
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    bounds, exponents = _tilted(parts, parameters, 1.0 + np.exp(low))
    return np.asarray(least + span * np.where(exponents >= wanted, bounds, 1.0))


def _tilted(parts: Floats, parameters: Floats, over: Floats) -> tuple[Floats, Floats]:
    """Numbers c, and exponents w of Chernoff's bound: P(mean >= c) is exp(-w) at most.

    The mean is at least c if the sum of gamma variables times (part - c) is at least 0. The best exponent for
    that c is found at 1 / (over - c), where ``over`` is above all parts; it falls with ``over``.
    """
    gaps, n_rows = over - parts, parameters.sum(axis=0)
    rate = (parameters / gaps).sum(axis=0) / n_rows
    return over - 1.0 / rate, (parameters * np.log(rate * gaps)).sum(axis=0)

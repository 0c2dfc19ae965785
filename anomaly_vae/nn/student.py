"""Location and scale of columns under Student-t noise, which are robust to a few outliers.

Lange, Little & Taylor (1989), "Robust statistical modeling using the t distribution", JASA 84(408):
the EM algorithm gives a value less weight if its squared distance from the centre is large.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_N_STEPS = 30


def fit_student_t(x: Tensor, degrees_of_freedom: float, least_variance: float) -> tuple[Tensor, Tensor]:
    """Location and squared scale of each column of x (n_rows, n_columns), each of shape (n_columns,).

    NaN is a missing value. If ``degrees_of_freedom`` is infinite, they are mean and variance.
    """
    known = ~torch.isnan(x)
    n_known = known.sum(dim=0).clamp_min(1)
    x = torch.where(known, x, 0.0)
    location = x.sum(dim=0) / n_known
    variance = (known * (x - location).square()).sum(dim=0) / n_known
    variance = variance.clamp_min(least_variance)
    for _ in range(_N_STEPS):
        distance = (x - location).square()
        weights = known * _weight(distance / variance, degrees_of_freedom)
        location = (weights * x).sum(dim=0) / weights.sum(dim=0).clamp_min(1e-12)
        variance = (weights * (x - location).square()).sum(dim=0) / n_known
        variance = variance.clamp_min(least_variance)
    return location, variance


def _weight(distance: Tensor, degrees_of_freedom: float) -> Tensor:
    """Weight of a value at a squared distance (in squared scales) from the centre."""
    if math.isinf(degrees_of_freedom):
        return torch.ones_like(distance)
    return (degrees_of_freedom + 1.0) / (degrees_of_freedom + distance)


def student_t_log_prob(distance: Tensor, variance: Tensor, degrees_of_freedom: float) -> Tensor:
    """Log density in nats at squared ``distance`` from the location, for a squared scale of ``variance``.

    It is Gaussian if ``degrees_of_freedom`` is infinite. It is convex (or linear) in ``distance``: for the
    expected distance, the result is at most the expected log density (Jensen).
    """
    if math.isinf(degrees_of_freedom):
        peak = -0.5 * (variance.log() + math.log(2.0 * math.pi))
        return torch.addcmul(peak, distance, -0.5 / variance)
    half = 0.5 * (degrees_of_freedom + 1.0)
    constant = math.lgamma(half) - math.lgamma(0.5 * degrees_of_freedom)
    peak = constant - 0.5 * (variance.log() + math.log(degrees_of_freedom * math.pi))
    return torch.sub(peak, torch.log1p(distance / (degrees_of_freedom * variance)), alpha=half)

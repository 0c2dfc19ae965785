"""Student-t noise, whose tails are heavy enough that a few outliers do not dominate a likelihood."""

from __future__ import annotations

import math

import torch
from torch import Tensor


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

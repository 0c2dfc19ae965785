"""A logistic Gaussian process: the kernel, and the most probable function given verdicts.

Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", chapter 3. The mean of the process is
what the unsupervised score says, so that a few verdicts change little and none change nothing. The kernel has
a linear part, which extends to all rows, and a local part, for rows like those that were judged.

Weights of columns that cannot be negative, as in Das et al. 2016 ("Incorporating expert feedback into active
anomaly discovery"), were tried instead and are far worse, because the direction of a column matters: a cell
that is too high may be an anomaly where one that is too low is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LINEAR, LOCAL = 16.0, 16.0
"""Prior variances, in squared logits, of the linear part, given many verdicts of both kinds, and of the local
part."""

_QUANTUM = 64
_MAX_STEPS = 100
_TOLERANCE = 1e-9
_LEAST_CURVATURE = 1e-6


def similarities(x: Singles, others: Singles, width: float) -> Singles:
    """exp(-distance**2 / width) of standardised rows x (n, d) and others (m, d), shape (n, m).

    The rows of the product are padded to a multiple of a fixed number, so that each result depends on its own
    two rows alone, to the bit.
    """
    padded = np.zeros((-(-len(x) // _QUANTUM) * _QUANTUM, x.shape[1]), dtype=np.float32)
    padded[: len(x)] = x
    products = (padded @ others.T)[: len(x)]
    distances = (x * x).sum(axis=1)[:, None] + (others * others).sum(axis=1) - 2.0 * products
    near: Singles = np.exp(distances.clip(0.0) * np.float32(-1.0 / width))
    return near


def linear_variance(verdicts: NDArray[np.int8], weights: Floats) -> float:
    """Prior variance of the linear part: 0 as long as all verdicts agree, at most ``LINEAR``.

    Only verdicts of both kinds say what distinguishes anomalous from normal rows. From strange rows that are
    all normal a linear function would learn that everything strange is normal.
    """
    scarcer = min(float(weights[verdicts == kind].sum()) for kind in (-1, 1))
    return LINEAR * scarcer / (1.0 + scarcer)


def kernel(x: Singles, width: float, linear: float) -> Floats:
    """Covariances of the logits of rows (n, d), shape (n, n); ``linear`` is the variance per feature."""
    wide = x.astype(np.float64)
    local = similarities(x, x, width).astype(np.float64)
    return np.asarray(linear * (wide @ wide.T) + LOCAL * (local + local.T) / 2.0)


def most_probable(covariance: Floats, mean: Floats, anomalous: Floats, weights: Floats) -> Floats:
    """The coefficients of the most probable function: its values at the rows are ``covariance @ alpha``.

    Newton's method with halved steps; the problem is convex, so the result does not depend on the start.

    Parameters
    ----------
    covariance : array of shape (n, n)
    mean : array of shape (n,)
        Logits before any verdict.
    anomalous, weights : arrays of shape (n,)
        1 for anomalous and 0 for normal rows, and how much each verdict counts.

    Returns
    -------
    array of shape (n,)
        Each is between minus and plus the weight of its verdict.
    """
    alpha = np.zeros(len(mean))
    objective = _objective(covariance, mean, anomalous, weights, alpha)
    for _ in range(_MAX_STEPS):
        step = _newton_step(covariance, mean, anomalous, weights, alpha)
        size = 1.0
        while (tried := _objective(covariance, mean, anomalous, weights, alpha + size * step)) > objective:
            size /= 2.0
            if size < _TOLERANCE:
                return _within(alpha, weights)
        alpha, objective = alpha + size * step, tried
        if np.abs(size * step).max() <= _TOLERANCE * weights.max():
            break
    return _within(alpha, weights)


def _newton_step(
    covariance: Floats, mean: Floats, anomalous: Floats, weights: Floats, alpha: Floats
) -> Floats:
    values = covariance @ alpha
    chance = probability(values + mean)
    curvature = np.maximum(weights * chance * (1.0 - chance), _LEAST_CURVATURE)
    root = np.sqrt(curvature)
    target = curvature * values + weights * (anomalous - chance)
    system = np.eye(len(mean)) + root[:, None] * covariance * root
    solved = np.linalg.solve(system, root * (covariance @ target))
    return np.asarray(target - root * solved - alpha)


def _objective(covariance: Floats, mean: Floats, anomalous: Floats, weights: Floats, alpha: Floats) -> float:
    values = covariance @ alpha
    signs = 1.0 - 2.0 * anomalous
    return float(alpha @ values / 2.0 + weights @ np.logaddexp(0.0, signs * (values + mean)))


def _within(alpha: Floats, weights: Floats) -> Floats:
    return np.clip(alpha, -weights, weights)


def probability(logits: Floats) -> Floats:
    """The logistic function, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))

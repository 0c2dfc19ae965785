"""The Gaussian process: kernel and most probable function, against direct computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from anomaly_vae.verdicts.process import (
    LINEAR,
    LOCAL,
    kernel,
    linear_variance,
    most_probable,
    probability,
    similarities,
)
from tests.anomaly_vae.verdicts.judged import features


def test_the_kernel_is_that_of_its_formula() -> None:
    """A product and a Gaussian of the distance."""
    x = features(20, 1)
    wide = x.astype(float)
    wanted = 2.0 * wide @ wide.T + LOCAL * np.exp(-cdist(wide, wide, "sqeuclidean") / 3.0)
    np.testing.assert_allclose(kernel(x, 3.0, 2.0), wanted, rtol=1e-5, atol=1e-4)


def test_the_linear_part_needs_verdicts_of_both_kinds() -> None:
    """The scarcer kind counts, up to a bound."""
    verdicts, weights = np.array([1, 1, 1, -1], dtype=np.int8), np.ones(4)
    assert linear_variance(verdicts[:3], weights[:3]) == 0.0
    assert linear_variance(verdicts, weights) == linear_variance(-verdicts, weights) == LINEAR / 2
    assert linear_variance(verdicts, 1000 * weights) < LINEAR


def test_a_similarity_depends_on_its_two_rows_alone() -> None:
    """To the bit, whatever other rows there are."""
    x, others = features(130, 1), features(9, 2)
    together = similarities(x, others, 3.0)
    np.testing.assert_array_equal(
        np.concatenate([similarities(row[None], others, 3.0) for row in x]), together
    )
    assert (together >= 0).all()
    assert (together <= 1).all()


@pytest.mark.parametrize("n", [1, 12])
def test_the_most_probable_function_minimises_the_objective(n: int) -> None:
    """As a general optimiser finds it, in the space of function values."""
    random = np.random.default_rng(n)
    covariance = kernel(features(n, 3), 5.0, 2.0)
    mean, anomalous = random.normal(size=n), random.integers(0, 2, n).astype(float)
    weights = random.uniform(0.5, 3.0, n)

    def objective(alpha: np.ndarray) -> float:
        values = covariance @ alpha
        losses = np.logaddexp(0.0, (1 - 2 * anomalous) * (values + mean))
        return float(alpha @ values / 2 + weights @ losses)

    alpha = most_probable(covariance, mean, anomalous, weights)
    found = minimize(objective, np.zeros(n), method="BFGS", options={"gtol": 1e-9})
    assert objective(alpha) <= found.fun + 1e-9
    chance = probability(covariance @ alpha + mean)
    np.testing.assert_allclose(alpha, weights * (anomalous - chance), atol=1e-7)


def test_equal_rows_and_extreme_prior_means_have_a_solution() -> None:
    """The covariance of equal rows is singular, and a logit of 1000 leaves no curvature."""
    covariance = np.full((4, 4), 30.0)
    alpha = most_probable(covariance, np.full(4, 1000.0), np.array([0.0, 0.0, 1.0, 0.0]), np.ones(4))
    assert np.isfinite(alpha).all()
    values = covariance @ alpha
    np.testing.assert_allclose(alpha, np.array([0, 0, 1, 0]) - probability(values + 1000.0), atol=1e-4)


def test_probabilities_do_not_overflow() -> None:
    """The logistic function."""
    np.testing.assert_array_equal(probability(np.array([-1e4, 0.0, 1e4])), [0.0, 0.5, 1.0])

"""All estimator checks of scikit-learn, but one that no fit with random splits can pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from anomaly_vae import ImageVAEDetector, TabularVAEDetector
from anomaly_vae.detectors._base import VAEDetector

QUICK = 3
"""Few steps for about a hundred fits: the checks do not depend on the quality of a model."""


EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "rows in another order have other splits",
    "check_sample_weight_equivalence_on_sparse_data": "rows in another order have other splits",
}

DETECTORS = {
    "table": TabularVAEDetector(max_steps=QUICK, validation_fraction=0.25),
    "cross-fitted table": TabularVAEDetector(max_steps=QUICK),
    "images": ImageVAEDetector(max_steps=QUICK),
}

CHECKS = [
    pytest.param(
        estimator,
        check,
        id=f"{name}-{check.func.__name__}-{number}",
        marks=[pytest.mark.slow] if name == "cross-fitted table" else [],
    )
    for name, detector in DETECTORS.items()
    for number, (estimator, check) in enumerate(estimator_checks_generator(detector))
    if check.func.__name__ not in EXPECTED_FAILURES
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator: VAEDetector, check: Callable[[Any], None]) -> None:
    """Each check that scikit-learn has for an outlier detector passes."""
    check(estimator)

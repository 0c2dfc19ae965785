"""Which rows train, watch and calibrate."""

from __future__ import annotations

import numpy as np

from anomaly_vae import ImageVAEDetector
from anomaly_vae.detectors._recipe import MAX_CALIBRATION_ROWS
from anomaly_vae.detectors._splits import n_calibration_images, n_calibration_rows, split_rows


def test_the_calibration_rows_are_known_before_a_fit() -> None:
    """Their number is that of the split, and of the scores that a fit keeps."""
    for n_rows, fraction, early in (
        (2, "auto", False),
        (90, "auto", True),
        (601, 0.3, True),
        (2_000, 0.99, False),
    ):
        split = split_rows(n_rows, fraction, early, np.random.RandomState(0))
        assert n_calibration_rows(n_rows, fraction, early) == len(split.calibration)
    assert n_calibration_rows(10_000_000, "auto", False) == MAX_CALIBRATION_ROWS


def test_how_many_images_calibrate_is_known_before_a_fit(detector: ImageVAEDetector) -> None:
    """So that a rate that cannot be promised is refused at once."""
    assert n_calibration_images(120, "auto") == len(detector.calibration_scores_)

"""The model of images: samples and codes."""

from __future__ import annotations

import numpy as np

from anomaly_vae import ImageVAEDetector
from tests.anomaly_vae.detectors.conftest import SIDE, plates


def test_drawn_images_look_like_plates(detector: ImageVAEDetector) -> None:
    """Of their size, range and brightness, and from the seed alone."""
    drawn = detector.sample(5, random_state=1)
    assert drawn.shape == (5, SIDE, SIDE)
    assert (drawn == detector.sample(5, random_state=1)).all()
    assert abs(drawn.mean() - plates(30, 1).mean()) < 15.0
    assert drawn[:, :3].mean() > 1.2 * drawn[:, 5:].mean()


def test_codes_come_back(detector: ImageVAEDetector) -> None:
    """Reconstruction is the decoded code, and nearer to the image than the mean is."""
    images = plates(20, 14)
    expected = detector.reconstruct(images)
    assert (expected == detector.decode(detector.encode(images))).all()
    assert np.square(expected - images).mean() < np.square(images.mean(axis=0) - images).mean()

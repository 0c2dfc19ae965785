"""The fitted detector of images that the tests of detectors share."""

from __future__ import annotations

import pytest

from anomaly_vae import ImageVAEDetector


@pytest.fixture(scope="session")
def detector(image_detector: ImageVAEDetector) -> ImageVAEDetector:
    """Fitted on 120 plates."""
    return image_detector

"""ImageModel: samples and latents."""

from __future__ import annotations

import numpy as np

from anomaly_vae import ImageVAEDetector
from tests.anomaly_vae.plates import SIDE, plates


def test_sampled_images_look_like_the_training_images(detector: ImageVAEDetector) -> None:
    """They have the same size, range and brightness, and depend only on the seed."""
    drawn = detector.sample(5, random_state=1)
    assert drawn.shape == (5, SIDE, SIDE)
    assert (drawn == detector.sample(5, random_state=1)).all()
    assert abs(drawn.mean() - plates(30, 1).mean()) < 15.0
    assert drawn[:, :3].mean() > 1.2 * drawn[:, 5:].mean()


def test_reconstructions_are_decoded_latents(detector: ImageVAEDetector) -> None:
    """A reconstruction is closer to the image than the mean image is."""
    images = plates(20, 14)
    expected = detector.reconstruct(images)
    assert (expected == detector.decode(detector.encode(images))).all()
    assert np.square(expected - images).mean() < np.square(images.mean(axis=0) - images).mean()

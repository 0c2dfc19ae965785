"""Images as arrays: shapes, sizes and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import ImageVAEDetector, InputError
from tests.anomaly_vae.detectors.conftest import SIDE, plates


def test_flattened_images_are_the_same_images() -> None:
    """With the size given, in a Pipeline, in grey and in colour."""
    for channels in (1, 3):
        images = plates(40, 9, channels)
        flat = images.reshape(40, -1)
        settings: dict[str, Any] = {"max_steps": 5, "random_state": 0}
        one = ImageVAEDetector(**settings).fit(images)
        other = make_pipeline(
            FunctionTransformer(), ImageVAEDetector(image_size=(SIDE, SIDE), channels=channels, **settings)
        ).fit(flat)
        assert (one.score_samples(images) == other.score_samples(flat)).all()
        assert one.reconstruct(images).shape == images.shape
        assert other[-1].reconstruct(flat).shape == flat.shape


def test_units_of_brightness_do_not_matter() -> None:
    """Bytes and the same image between 0 and 1 score alike; the density's units differ by 255 a pixel."""
    images = plates(40, 10)
    settings: dict[str, Any] = {"max_steps": 5, "random_state": 0}
    one, other = ImageVAEDetector(**settings).fit(images), ImageVAEDetector(**settings).fit(images / 255.0)
    assert other.score_samples(images / 255.0) == pytest.approx(one.score_samples(images), rel=1e-4)
    difference = other.elbo(images / 255.0) - one.elbo(images)
    assert difference == pytest.approx(np.full(40, SIDE * SIDE * np.log(255.0)), rel=1e-4)


def test_what_is_no_image_of_that_size_is_refused(detector: ImageVAEDetector) -> None:
    """With what came, what was wanted and the way out."""
    with pytest.raises(InputError, match=r"40 x 39 pixels.*fitted on 40 x 40 pixels.*resize"):
        detector.score_samples(np.zeros((2, 40, 39)))
    with pytest.raises(InputError, match="channels first"):
        detector.score_samples(np.zeros((2, 3, 40, 40)))
    with pytest.raises(InputError, match="image_size"):
        ImageVAEDetector(image_size=(5, 5)).fit(np.zeros((4, 24)))
    with pytest.raises(ValueError, match="NaN"):
        detector.score_samples(np.full((1, SIDE, SIDE), np.nan))
    with pytest.raises(ValueError, match=r"image_size.*\(height, width\)"):
        ImageVAEDetector(image_size=(5, 5, 5)).fit(plates(5, 0))
    with pytest.raises(ValueError, match="score_type='elbo'"):
        ImageVAEDetector(complexity=True).fit(plates(5, 0))

"""Models of images, models of tables."""

from __future__ import annotations

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import ImageVAEDetector, TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.images.model import is_image_model


def test_a_detector_of_images_is_recognised():
    """A detector of tables, also as the last step of a Pipeline, is not one."""
    assert is_image_model(ImageVAEDetector())
    assert not is_image_model(TabularVAEDetector())
    assert not is_image_model(make_pipeline(StandardScaler(), TabularVAEDetector()))


def test_a_pipeline_of_a_detector_of_images_is_rejected():
    """The steps before it do not read image files."""
    with pytest.raises(InputError, match="save only the last step"):
        is_image_model(make_pipeline(StandardScaler(), ImageVAEDetector()))

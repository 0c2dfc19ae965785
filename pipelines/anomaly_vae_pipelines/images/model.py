"""is_image_model: whether a model is one of images or of tables."""

from __future__ import annotations

from typing import TypeGuard

from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError


def is_image_model(model: object) -> TypeGuard[ImageVAEDetector]:
    """Whether a fitted model is a detector of images; raises InputError for a Pipeline that ends in one."""
    if isinstance(model, ImageVAEDetector):
        return True
    if isinstance(model, Pipeline) and isinstance(model[-1], ImageVAEDetector):
        raise InputError(
            "the model is a Pipeline, but images are read for its last step; save only the last step"
        )
    return False

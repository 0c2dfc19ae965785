"""is_image_model: models of images told from models of tables."""

from __future__ import annotations

from typing import TypeGuard

from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError


def is_image_model(model: object) -> TypeGuard[ImageVAEDetector]:
    """Whether a fitted model is a detector of images; raises InputError for a Pipeline of one."""
    if isinstance(model, ImageVAEDetector):
        return True
    if isinstance(model, Pipeline) and isinstance(model[-1], ImageVAEDetector):
        raise InputError("the model is a Pipeline, and files are read for its last step; save that alone")
    return False

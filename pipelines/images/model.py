"""ImageModel: what the applications ask of a fitted detector of images."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from anomaly_vae.errors import InputError

Floats = NDArray[np.float64]


class ImageModel(Protocol):
    """A fitted detector of images, such as ``ImageVAEDetector``; X are images (n, height, width[, 3])."""

    image_size: Any
    channels: Any
    image_size_: tuple[int, int]
    channels_: int
    offset_: float
    calibration_scores_: Floats
    heatmap_threshold_: float

    def score_samples(self, X: Any) -> Floats:
        """ELBO of each image in nats, shape (n,)."""

    def heatmap(self, X: Any) -> Floats:
        """How improbable each pixel is, shape (n, height, width)."""

    def explain(self, X: Any, n_columns: int = 3) -> list[list[tuple[str, float]]]:
        """The worst places of each image with their nats below typical."""


def is_image_model(model: object) -> TypeGuard[ImageModel]:
    """Whether a fitted model is a detector of images; raises InputError for a Pipeline of one."""
    detector = model[-1] if isinstance(model, Pipeline) else model
    if not hasattr(detector, "heatmap"):
        return False
    if detector is not model:
        raise InputError(
            "the model is a Pipeline of images, which files cannot be given to; save its last step"
        )
    return True

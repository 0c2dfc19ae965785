"""ShownImages: what a report shows of one of the worst images: reasons, and the image beside its heat."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly_vae_pipelines.images.frame import to_grey
from anomaly_vae_pipelines.images.overlay import MIN_SIDE, HeatScale, enlarged, overlay
from anomaly_vae_pipelines.records import ImageRows, Rows
from anomaly_vae_pipelines.runs.report_rows import shown_reasons
from anomaly_vae_pipelines.scoring.images import ImageDetector, ImageScorer

if TYPE_CHECKING:
    from PIL import Image

MOST_SIDE = 384
"""Longest side of a picture in pixels, so that a page with many of them stays small."""

_QUALITY = 85


class ShownImages:
    """Returns what is shown of one image, as JSON values.

    Parameters
    ----------
    detector : ImageScorer of anomaly_vae, or ImageVAEDetector
    """

    def __init__(self, detector: ImageDetector) -> None:
        self._detector, self._scorer = detector, ImageScorer(detector, explain="all")
        self._scale = HeatScale(detector.heatmap_threshold_)

    def __call__(self, row: Rows) -> dict[str, Any]:
        """Score one image again, with its heat; the pictures are data URLs."""
        if not isinstance(row, ImageRows):
            raise TypeError(f"wanted an image, got {type(row).__name__}")
        from PIL import Image

        reasons = self._scorer(row).rows.reasons[0]
        image, heat = row.images[0], self._detector.heatmap(row.images)[0]
        pixels = np.clip(image, 0, 255) if image.dtype == np.uint8 else _as_bytes(to_grey(image))
        factor = max(1, -(-MIN_SIDE // min(heat.shape)))  # as that of the heat
        plain = Image.fromarray(enlarged(np.asarray(pixels, dtype=np.uint8), factor))
        pictures = [_data_url(plain), _data_url(overlay(image, heat, self._scale))]
        return {**shown_reasons(reasons), "pictures": pictures}


def _as_bytes(grey: Any) -> Any:
    """Grey values of any range as 0 to 255."""
    low, high = float(grey.min()), float(grey.max())
    return np.rint((grey - low) * (255.0 / max(high - low, 1e-9)))


def _data_url(picture: Image.Image) -> str:
    """A picture as a JPEG in a data URL, made smaller if it is large."""
    picture.thumbnail((MOST_SIDE, MOST_SIDE))
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"

"""ImageScorer: scores images, and draws heat maps on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.reasons import Reasons
from anomaly_vae_pipelines.records import ImageRows, Rows, ScoredRows, no_scores
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.scoring.tables import N_REASONS, Scored
from anomaly_vae_pipelines.sinks.pictures import Pictures

if TYPE_CHECKING:
    from anomaly_vae import image_scorer
    from anomaly_vae.detectors.image import ImageVAEDetector

ImageDetector: TypeAlias = "image_scorer.ImageScorer | ImageVAEDetector"
"""A fitted detector of images, or the scorer of its file."""

Bools = NDArray[np.bool_]


class ImageScorer:
    """Scores images with a fitted image detector; a score depends only on its image.

    Parameters
    ----------
    detector : ImageScorer of anomaly_vae, or ImageVAEDetector
    explain : {"flagged", "all", "none"}
        Which images get reasons.
    offset : float, optional
        Scores below it are anomalous, in nats; the model's own threshold by default.
    tail : {"empirical", "gpd"}
        Whether p-values below the lowest calibration score are estimated.
    pictures : Pictures, optional
        Receives heat maps: of all images with ``explain="all"``, else of the flagged images.

    Attributes
    ----------
    names : tuple of str
        Columns that the model reads: none.
    numeric : frozenset of str
        Columns that are read as numbers: none.
    """

    names: tuple[str, ...] = ()
    numeric: frozenset[str] = frozenset()

    def __init__(
        self,
        detector: ImageDetector,
        *,
        explain: Explain = "flagged",
        offset: float | None = None,
        tail: Tail = "empirical",
        pictures: Pictures | None = None,
    ) -> None:
        self.detector, self.explain, self._pictures = detector, explain, pictures
        self.offset = detector.offset_ if offset is None else offset
        self._decide = detector.decider(offset, tail)

    def __call__(self, rows: Rows) -> Scored:
        """Score images; the source has already rejected those that do not fit the model."""
        if not isinstance(rows, ImageRows):
            raise TypeError(f"wanted images, got {type(rows).__name__}")
        if not len(rows):
            return Scored(no_scores(rows), [])
        scores, p_values, severities, flagged, _ = self._decide(rows.images)
        reasons = self._reasons(rows, flagged)
        self._draw(rows, flagged)
        return Scored(ScoredRows(rows, scores, p_values, severities, flagged, reasons), [])

    def _reasons(self, rows: ImageRows, flagged: Bools) -> Reasons:
        chosen = np.flatnonzero(flagged | (self.explain == "all"))
        if self.explain == "none" or not len(chosen):
            return Reasons()
        explained = self.detector.explain_shares(rows.images[chosen], n_columns=N_REASONS)
        return Reasons(dict(zip(chosen.tolist(), explained, strict=True)))

    def _draw(self, rows: ImageRows, flagged: Bools) -> None:
        if self._pictures is None:
            return
        chosen = rows.take(flagged | (self.explain == "all"))
        if len(chosen):
            self._pictures.draw(chosen, self.detector.heatmap(chosen.images))

"""open_model: loads a model file, once per command."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anomaly_vae.persistence import load_scorer
from anomaly_vae_pipelines.io.files import file_digest
from anomaly_vae_pipelines.scoring.adapters import Adapter, AnyModel, adapter_of

if TYPE_CHECKING:
    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.scorer import TableScorer
    from anomaly_vae_pipelines.scoring.images import ImageDetector


@dataclass(frozen=True)
class OpenedModel:
    """A model and its file.

    Attributes
    ----------
    path : str
        The model file.
    model : TableScorer, ImageScorer of anomaly_vae, or Pipeline
        The fitted model; a detector only scores.
    model_id : str
        First digits of the SHA-256 of the file.
    """

    path: str
    model: AnyModel
    model_id: str

    @property
    def adapter(self) -> Adapter:
        """Adapter of this kind of model, which reads and scores its inputs."""
        return adapter_of(self.model)

    @property
    def detector(self) -> TableScorer | TabularVAEDetector | ImageDetector:
        """The model itself, or the last step of a Pipeline."""
        return self.adapter.detector


def open_model(path: str) -> OpenedModel:
    """Load a model file; raises ModelFileError if it cannot be loaded."""
    model_id = ""
    with suppress(OSError):  # load_scorer() raises an error with a better message
        model_id = file_digest(path)
    return OpenedModel(path, load_scorer(path), model_id)

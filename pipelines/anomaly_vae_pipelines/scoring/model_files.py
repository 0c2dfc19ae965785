"""open_model: loads a model file, once per command."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anomaly_vae.persistence import load_with_dialect
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.io.files import content_of, digest, file_digest
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
    dialect : mapping or None
        How the files of the model are read, as the file stores it.
    given : Given
        What the user said about the files to read.
    """

    path: str
    model: AnyModel
    model_id: str
    dialect: Mapping[str, Any] | None = None
    given: Given = NOTHING

    @property
    def adapter(self) -> Adapter:
        """Adapter of this kind of model, which reads and scores its inputs."""
        return adapter_of(self.model, self.dialect, self.given)

    @property
    def detector(self) -> TableScorer | TabularVAEDetector | ImageDetector:
        """The model itself, or the last step of a Pipeline."""
        return self.adapter.detector


def open_model(path: str, given: Given | None = None) -> OpenedModel:
    """Load a model file; raises ModelFileError if it cannot be loaded.

    ``given`` is what the user said about the files that will be read.
    """
    file_id = model_id(path)
    model, dialect = load_with_dialect(path)
    return OpenedModel(path, model, file_id, dialect, given or NOTHING)


def open_content(data: bytes, given: Given | None = None) -> OpenedModel:
    """Load the content of a model file, as ``open_model`` loads the file."""
    model, dialect = load_with_dialect(io.BytesIO(data))
    return OpenedModel("the model", model, digest(data), dialect, given or NOTHING)


def model_content(model: str | os.PathLike[str] | bytes) -> bytes:
    """Return the content of a model file, given its path, its URL or its content; raises SourceError."""
    return model if isinstance(model, bytes) else content_of(os.fspath(model), "a model file")


def model_id(path: str) -> str:
    """Return the first digits of the SHA-256 of a model file; empty if it cannot be read.

    Loading it then raises an error with a better message than this function could.
    """
    with suppress(OSError):
        return file_digest(path)
    return ""

"""Adapters: find, read and score the inputs of each kind of model.

``adapter_of`` is the only function that checks whether a fitted model is for tables or for images.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import pyarrow as pa

from anomaly_vae.drift.reference import Reference
from anomaly_vae.errors import InputError
from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.frame import frame_of
from anomaly_vae_pipelines.images.layouts import holds_images, is_array_file, is_image_file, is_mvtec
from anomaly_vae_pipelines.io.files import expand
from anomaly_vae_pipelines.scoring.images import ImageDetector, ImageScorer
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.scoring.tables import (
    N_REASONS,
    Model,
    Scorer,
    final_detector,
    is_pipeline,
    model_columns,
    read_columns,
)
from anomaly_vae_pipelines.sinks.pictures import Pictures, picture_of, relative_path
from anomaly_vae_pipelines.sources import (
    ImageArrivals,
    ImageInputs,
    Source,
    TableArrivals,
    TableInputs,
    input_files,
)
from anomaly_vae_pipelines.sources.arrivals import Arrivals
from anomaly_vae_pipelines.sources.image_inputs import Inputs
from anomaly_vae_pipelines.sources.images import CellSource
from anomaly_vae_pipelines.sources.messages import MessageSource
from anomaly_vae_pipelines.sources.typed import TableSource

BATCH = "the batch"
"""Name of a table in memory, in messages."""

BATCH_ROWS = 1 << 14
"""Rows of a table in memory that are scored together."""

AnyModel: TypeAlias = "Model | ImageDetector"
AnyScorer: TypeAlias = Scorer | ImageScorer

Messages: TypeAlias = "Callable[..., MessageSource]"
"""Makes a source of a batch of messages, which has the columns of the model."""


class TableAdapter:
    """Reads and scores files of rows, for a model that was fitted on a table.

    Attributes
    ----------
    reading : Reading
        How the files are read.
    """

    def __init__(
        self, model: Model, dialect: Mapping[str, Any] | None = None, given: Given = NOTHING
    ) -> None:
        self._model, self.detector = model, final_detector(model)
        self.reading = Reading.from_json(dialect, read_columns(model), given)

    def scorer(
        self,
        *,
        explain: Explain = "flagged",
        expected: bool = False,
        offset: float | None = None,
        tail: Tail = "empirical",
        heatmaps: str | None = None,
        force: bool = False,
        reference: Reference | None = None,
        n_reasons: int = N_REASONS,
    ) -> Scorer:
        """Return the scorer of the model; raises InputError for ``heatmaps``, which tables do not have.

        With ``reference``, the calibration rows of the model, the scorer also compares rows with them.
        ``n_reasons`` is the most columns that are given as reasons for a row.
        """
        if heatmaps is not None:
            raise InputError("the model was fitted on a table, which has no heat maps; leave out --heatmaps")
        texts = self.reading.texts()
        return Scorer(
            self._model,
            explain=explain,
            expected=expected,
            offset=offset,
            tail=tail,
            texts=texts,
            reference=reference,
            n_reasons=n_reasons,
        )

    def inputs(self, paths: Sequence[str], given_format: str | None = None) -> Inputs:
        """Return the files to read; raises InputError if they are images."""
        for path in expand(paths):
            _refuse_images(path)
        return TableInputs(paths, given_format, self.reading)

    def batch(self, table: pa.Table) -> Source:
        """Return a table in memory as a source."""
        return TableSource(BATCH, table, self.reading, BATCH_ROWS)

    def arrivals(self, path: Path, given_format: str | None = None) -> Arrivals:
        """Return the files to watch."""
        return TableArrivals(path, given_format, self.reading)

    def messages(self) -> Messages:
        """Return what makes a source of messages."""
        return partial(MessageSource, names=model_columns(self._model), reading=self.reading)


class ImageAdapter:
    """Reads and scores image files and arrays, for a model that was fitted on images."""

    def __init__(self, model: ImageDetector) -> None:
        self._model = self.detector = model

    def scorer(
        self,
        *,
        explain: Explain = "flagged",
        expected: bool = False,
        offset: float | None = None,
        tail: Tail = "empirical",
        heatmaps: str | None = None,
        force: bool = False,
        reference: Reference | None = None,
    ) -> ImageScorer:
        """Return the scorer of the model.

        It writes heat maps to the folder ``heatmaps``, which must be empty unless ``force`` is true.
        ``expected`` is ignored, and images have no ``reference``.
        """
        pictures = None
        if heatmaps is not None:
            pictures = Pictures(heatmaps, self._model.heatmap_threshold_, force=force)
        return ImageScorer(self._model, explain=explain, offset=offset, tail=tail, pictures=pictures)

    def inputs(self, paths: Sequence[str], given_format: str | None = None) -> Inputs:
        """Return the folders, images and arrays to read; raises InputError for a table format."""
        _refuse_format(given_format)
        return ImageInputs(paths, frame_of(self._model))

    def batch(self, table: pa.Table) -> Source:
        """Return the images in the only column of a table, by path or as bytes, as a source."""
        return CellSource(BATCH, frame_of(self._model), table)

    def arrivals(self, path: Path, given_format: str | None = None) -> Arrivals:
        """Return the images to watch; raises InputError for a table format."""
        _refuse_format(given_format)
        return ImageArrivals(path, frame_of(self._model))

    def messages(self) -> Messages:
        """Raise InputError: messages are rows."""
        raise InputError(
            "the model was fitted on images, and the messages of a topic are rows; watch a folder"
        )


Adapter: TypeAlias = TableAdapter | ImageAdapter


def adapter_of(model: AnyModel, dialect: Mapping[str, Any] | None = None, given: Given = NOTHING) -> Adapter:
    """Return the adapter of a model; raises InputError for a Pipeline that ends in an image detector.

    ``dialect`` is how the files of a table are read, as the model file stores it; ``given`` is what the user
    said.
    """
    if not is_image_model(model):
        return TableAdapter(model, dialect, given)
    if given != NOTHING:
        raise InputError("the model was fitted on images; leave out the options about the text of tables")
    return ImageAdapter(model)


def is_image_model(model: object) -> TypeGuard[ImageDetector]:
    """Whether a fitted model is a detector of images; raises InputError for a Pipeline that ends in one."""
    if hasattr(model, "heatmap"):  # without importing its class
        return True
    if is_pipeline(model) and hasattr(model[-1], "heatmap"):
        raise InputError(
            "the model is a Pipeline, but images are read for its last step; save only the last step"
        )
    return False


def refuse_inside(folder: str, paths: Sequence[str]) -> None:
    """Raise InputError if ``folder`` for heat maps is inside a folder whose images are scored."""
    for path in paths:
        is_read = Path(path).is_dir() and not is_mvtec(path)
        if is_read and Path(folder).resolve().is_relative_to(Path(path).resolve()):
            raise InputError(
                f"{folder}: is inside {path}, whose images are scored; choose another folder for heat maps"
            )


def refuse_pictures_over(folder: str, inputs: Inputs) -> None:
    """Raise InputError if a heat map would replace an image that is read."""
    if not isinstance(inputs, ImageInputs):
        return
    read = {os.path.realpath(path) for path in inputs.paths()}
    for file in inputs.files():
        target = os.path.realpath(Path(folder, picture_of(relative_path(file.name))))
        if target in read:
            raise InputError(
                f"--heatmaps {folder}: the heat map of {file.name} would replace {target}, which is an "
                f"input; choose another folder for heat maps"
            )


def reads_images(path: str) -> bool:
    """Return whether a path is read as images: an image, an array, or a folder without tables."""
    if path != "-" and Path(path).is_dir():
        return not _holds_tables(path)
    return is_image_file(path) or is_array_file(path)


def _refuse_format(given_format: str | None) -> None:
    if given_format is not None:
        raise InputError("the model was fitted on images, and --format applies to tables; leave it out")


def _refuse_images(path: str) -> None:
    if reads_images(path) and (holds_images(path) or not Path(path).is_dir()):
        raise SourceError(
            path, None, "contains images, and the model was fitted on a table; wanted rows (CSV, JSON "
            "Lines, Parquet), or a model that was fitted on images"
        )  # fmt: skip


def _holds_tables(folder: str) -> bool:
    try:
        return bool(input_files([folder]))
    except InputError:
        return False

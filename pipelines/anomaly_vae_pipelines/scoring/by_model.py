"""Reading: what a model reads and who scores it, told by the kind of the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.frame import frame_of
from anomaly_vae_pipelines.images.layouts import holds_images, is_array_file, is_image_file, is_mvtec
from anomaly_vae_pipelines.images.model import is_image_model
from anomaly_vae_pipelines.images.pictures import Pictures, inside, picture_of
from anomaly_vae_pipelines.io.files import expand
from anomaly_vae_pipelines.scoring.images import ImageScorer
from anomaly_vae_pipelines.scoring.options import Explain
from anomaly_vae_pipelines.scoring.tables import Model, Scorer
from anomaly_vae_pipelines.sources import (
    Arrivals,
    ImageArrivals,
    ImageInputs,
    Inputs,
    TableArrivals,
    TableInputs,
    input_files,
)

AnyModel = Model | ImageVAEDetector
AnyScorer = Scorer | ImageScorer

_NO_FORMAT = "the model was fitted on images, and --format is a format of tables; leave it out"


def make_scorer(
    model: AnyModel,
    *,
    explain: Explain = "flagged",
    expected: bool = False,
    offset: float | None = None,
    heatmaps: str | None = None,
    force: bool = False,
) -> AnyScorer:
    """The scorer of a fitted model.

    Parameters
    ----------
    model : TabularVAEDetector, ImageVAEDetector or Pipeline
    explain, expected, offset
        As of ``Scorer``.
    heatmaps : str, optional
        Folder for pictures of what is anomalous in images.
    force : bool
        Whether that folder may hold something already.

    Raises InputError for heat maps of a model of tables.
    """
    if is_image_model(model):
        pictures = None
        if heatmaps is not None:
            pictures = Pictures(heatmaps, model.heatmap_threshold_, force=force)
        return ImageScorer(model, explain=explain, offset=offset, pictures=pictures)
    if heatmaps is not None:
        raise InputError("the model was fitted on a table, which has no heat maps; leave out --heatmaps")
    return Scorer(model, explain=explain, expected=expected, offset=offset)


def open_inputs(model: AnyModel, paths: Sequence[str], given_format: str | None = None) -> Inputs:
    """What a fitted model is to read; raises InputError for images where it wants rows, and the reverse."""
    if not is_image_model(model):
        for path in expand(paths):
            _refuse_images(path)
        return TableInputs(paths, given_format)
    if given_format is not None:
        raise InputError(_NO_FORMAT)
    return ImageInputs(paths, frame_of(model))


def refuse_inside(folder: str, paths: Sequence[str]) -> None:
    """Raise InputError where pictures would be put among the images that are read."""
    for path in paths:
        is_read = Path(path).is_dir() and not is_mvtec(path)
        if is_read and Path(folder).resolve().is_relative_to(Path(path).resolve()):
            raise InputError(
                f"{folder}: lies in {path}, whose images are scored; give heat maps another place"
            )


def refuse_pictures_over(folder: str, inputs: Inputs) -> None:
    """Raise InputError where the picture of an image would replace an image that is read."""
    if not isinstance(inputs, ImageInputs):
        return
    read = {os.path.realpath(path) for path in inputs.paths()}
    for file in inputs.files():
        target = os.path.realpath(Path(folder, picture_of(inside(file.name))))
        if target in read:
            raise InputError(
                f"--heatmaps {folder}: the heat map of {file.name} would replace {target}, which is read; "
                f"give heat maps another place"
            )


def open_arrivals(scorer: AnyScorer, place: Path, given_format: str | None = None) -> Arrivals:
    """What a scorer is to watch for; raises InputError for a place or a format that is not of its kind."""
    if not isinstance(scorer, ImageScorer):
        return TableArrivals(place, given_format)
    if given_format is not None:
        raise InputError(_NO_FORMAT)
    return ImageArrivals(place, frame_of(scorer.detector))


def reads_images(path: str) -> bool:
    """Whether a path is to be read as images: an image, an array, a folder in which there is no table."""
    if path != "-" and Path(path).is_dir():
        return not _holds_tables(path)
    return is_image_file(path) or is_array_file(path)


def _refuse_images(path: str) -> None:
    if reads_images(path) and (holds_images(path) or not Path(path).is_dir()):
        raise SourceError(
            path, None, "holds images, and the model was fitted on a table; wanted rows (CSV, JSON Lines, "
            "Parquet), or a model that anomaly-vae fit made of images"
        )  # fmt: skip


def _holds_tables(folder: str) -> bool:
    try:
        return bool(input_files([folder]))
    except InputError:
        return False

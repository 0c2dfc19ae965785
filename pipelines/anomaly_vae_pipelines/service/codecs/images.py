"""Images: image files of a request as rows, and the heat map of an image as a PNG for the response."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import arrow_texts
from anomaly_vae_pipelines.images.decoding import UnreadableImageError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.overlay import HeatScale, overlay
from anomaly_vae_pipelines.records import ImageRows
from anomaly_vae_pipelines.service.codecs.tables import check_count
from anomaly_vae_pipelines.service.errors import RefusedRowsError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, ModelInputs
from anomaly_vae_pipelines.sources.images import FILE_COLUMN, stacked

if TYPE_CHECKING:
    from anomaly_vae_pipelines.scoring.images import ImageDetector


def rows_of_files(files: Sequence[tuple[str, bytes]], inputs: ModelInputs, max_rows: int) -> ImageRows:
    """The images of files, each (name, content); raises RefusedRowsError if any cannot be read."""
    frame = inputs.wants_images()
    check_count(len(files), max_rows)
    return _rows([name for name, _ in files], [io.BytesIO(content) for _, content in files], frame)


def rows_of_arrays(images: NDArray[Any], inputs: ModelInputs, max_rows: int) -> ImageRows:
    """Images as an array (n, height, width) or (n, height, width, 3) in 0..255."""
    frame = inputs.wants_images()
    check_count(len(images), max_rows)
    return _rows([str(number) for number in range(len(images))], list(images), frame)


def heatmap_uri(image: NDArray[Any], heat: NDArray[np.float64], detector: ImageDetector) -> str:
    """An image (height, width[, 3]) under its heat map, as a PNG in a ``data:`` URI."""
    stream = io.BytesIO()
    overlay(image, heat, HeatScale(detector.heatmap_threshold_)).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _rows(names: Sequence[str], images: Sequence[Any], frame: Frame) -> ImageRows:
    fitted, refused = [], []
    for position, image in enumerate(images):
        try:
            fitted.append(frame.read(image) if isinstance(image, io.BytesIO) else frame.fit(image))
        except UnreadableImageError as error:
            refused.append((position, f"{names[position]}: {error}"))
    if refused:
        raise RefusedRowsError(len(images), refused)
    return ImageRows(
        SOURCE,
        (FILE_COLUMN,),
        pa.table({FILE_COLUMN: arrow_texts(names)}),
        np.arange(len(fitted), dtype=np.int64),
        images=stacked(fitted, frame),
        paths=tuple(names),
    )

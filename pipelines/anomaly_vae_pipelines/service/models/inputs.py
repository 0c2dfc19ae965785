"""ModelInputs: the columns or images that a model reads, and that clients must send."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from anomaly_vae_pipelines.arrow_text import json_values
from anomaly_vae_pipelines.dialects.reading import ANY, Reading
from anomaly_vae_pipelines.errors import SourceError, UnknownNameError
from anomaly_vae_pipelines.images.frame import Frame, frame_of
from anomaly_vae_pipelines.records import NumberRows, Rows
from anomaly_vae_pipelines.scoring.adapters import AnyScorer
from anomaly_vae_pipelines.scoring.images import ImageScorer
from anomaly_vae_pipelines.scoring.tables import final_detector, is_pipeline, read_columns

Kind = Literal["numeric", "boolean", "categorical", "datetime", "constant", "identifier", "unknown"]

SOURCE = "the body"
"""Name of the source of rows in error messages."""


@dataclass(frozen=True)
class ModelInputs:
    """The inputs of a model.

    Attributes
    ----------
    kinds : mapping of str to str
        The model's columns in order, each with its kind; "unknown" in a Pipeline. Empty for images.
    numeric : frozenset of str
        Columns that must be numbers.
    frame : Frame or None
        Size and channels of images; None for tables.
    joins : bool
        Whether rows of several requests may be scored as one table.
    reading : Reading
        How text is read.
    ids : tuple of str
        Columns whose cells name a row, besides identifiers.
    """

    kinds: dict[str, Kind]
    numeric: frozenset[str]
    frame: Frame | None
    joins: bool
    reading: Reading = ANY
    ids: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self.kinds)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Columns that a request must have: identifiers are not read, and may be missing."""
        return tuple(name for name, kind in self.kinds.items() if kind != "identifier")

    @cached_property
    def is_numbers(self) -> bool:
        """Whether the model reads only numbers."""
        return self.frame is None and self.numeric == frozenset(self.kinds)

    def named_by(self, ids: Sequence[str]) -> ModelInputs:
        """These inputs with columns that name rows; those that the model does not read are optional.

        A row of images has its file to name it.
        """
        if self.frame is not None or not ids:
            return self
        unread: dict[str, Kind] = {name: "identifier" for name in ids if name not in self.kinds}
        return replace(self, kinds=self.kinds | unread, ids=tuple(ids))

    def ids_of(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The cells of a row that name it."""
        named = [name for name, kind in self.kinds.items() if kind == "identifier" or name in self.ids]
        return {name: cells[name] for name in named if cells.get(name) is not None}

    def require(self, found: Any, where: str = SOURCE) -> None:
        """Raise UnknownNameError for the first required column that is missing, with the nearest name."""
        for name in self.required:
            if name not in found:
                problem = f"{where}: there is no column {name!r}; give null for a missing value"
                raise UnknownNameError(problem, name, [key for key in found if key not in self.kinds])

    def wants_table(self) -> None:
        """Raise SourceError if the model reads images."""
        if self.frame is not None:
            raise SourceError(
                SOURCE, None, "holds rows, and the model was fitted on images; send an image file (PNG, "
                "JPEG, WebP, BMP or TIFF), or several as multipart/form-data"
            )  # fmt: skip

    def wants_images(self) -> Frame:
        """The size and channels of images; raises SourceError if the model reads a table."""
        if self.frame is None:
            raise SourceError(
                SOURCE, None, "holds images, and the model was fitted on a table; send rows as JSON, CSV or "
                "Arrow"
            )  # fmt: skip
        return self.frame


def inputs_of(scorer: AnyScorer, reading: Reading | None = None) -> ModelInputs:
    """The inputs of a scorer's model; ``reading`` is how text is read, plain CSV by default."""
    if isinstance(scorer, ImageScorer):
        return ModelInputs({}, frozenset(), frame_of(scorer.detector), joins=True)
    if is_pipeline(scorer.model):
        kinds: dict[str, Kind] = dict.fromkeys(scorer.names, "unknown")
    else:
        kinds = {column.name: column.kind for column in final_detector(scorer.model).schema_.columns}
    joins = not is_pipeline(scorer.model)
    return ModelInputs(
        kinds, scorer.numeric, None, joins, reading or Reading(names=read_columns(scorer.model))
    )


def json_rows(rows: Rows) -> list[dict[str, Any]]:
    """The rows as JSON values, as ``anomaly-vae learn`` reads them from JSON Lines."""
    if isinstance(rows, NumberRows):
        columns = [[_number(value) for value in column] for column in rows.values.T.tolist()]
        names: Sequence[str] = rows.columns
    else:
        names, columns = rows.table.column_names, [json_values(column) for column in rows.table.columns]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

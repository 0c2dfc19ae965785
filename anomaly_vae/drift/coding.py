"""Coding: rows of a table as small codes, by where they are among the calibration rows.

A number has a code for each interval between quantiles of calibration rows, and one for each quantile itself,
so that rows which tie with many others can be counted. A category has its own code if it is one of the most
frequent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.readers import CategoryReader, ConstantReader, DatetimeReader
from anomaly_vae.columns.table import TableEncoder

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]

MISSING = 67
"""Code of a missing cell."""

N_CODES = 68
"""Number of codes of a column."""

MOST_CATEGORIES = 16
"""Most frequent categories with a code of their own; the other known ones share the next code."""

_N_EDGES = (MISSING - 1) // 2
_CELL_TOLERANCE = 1e-6
_NATS_TOLERANCE = 1e-4
"""Nats of a model differ by less between torch and ONNX Runtime, and between processors."""


class Quantiles:
    """Codes of numbers: 0 below all of calibration, then between and at its quantiles, then above all.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Numbers of calibration rows.
    tolerance : float
        Numbers that differ by less, in proportion to 1 + their size, are equal.
    """

    def __init__(self, values: NDArray[np.floating], tolerance: float) -> None:
        ordered = np.sort(values)
        places = np.linspace(0, len(ordered) - 1, min(_N_EDGES, len(ordered))).round().astype(np.int64)
        edges = np.unique(ordered[places]).astype(np.float64)
        margins = tolerance * (1.0 + np.abs(edges))
        apart = np.concatenate([[True], np.diff(edges) > 2.0 * margins[1:]])
        self._low, self._high = (edges - margins)[apart], (edges + margins)[apart]

    def __call__(self, values: NDArray[np.floating]) -> Codes:
        """The code of each number."""
        above = np.searchsorted(self._high, values, side="left")
        return np.asarray(above + np.searchsorted(self._low, values, side="right"), dtype=np.uint8)

    @property
    def last(self) -> int:
        """The code of numbers above all of calibration."""
        return 2 * len(self._low)


@dataclass(frozen=True)
class ColumnCells:
    """Which encoded cells of a row hold a column.

    Attributes
    ----------
    kind : {"number", "category", "none"}
        How its values are compared; "none" for identifiers and for dates, whose rows come in order of time.
    start, stop : int
        Its cells, if they are compared.
    unseen : int or None
        The category that stands for all that were not in the training rows.
    flag : int or None
        The cell that is positive where the column is missing; None if no training row missed it.
    first : int or None
        A cell that is NaN where the column is missing; None if the model does not read it.
    """

    kind: Literal["number", "category", "none"]
    start: int = 0
    stop: int = 0
    unseen: int | None = None
    flag: int | None = None
    first: int | None = None

    def missing(self, cells: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether the column is missing in encoded rows."""
        if self.flag is not None:
            return np.asarray(cells[:, self.flag] > 0)
        return np.isnan(cells[:, self.first]) if self.first is not None else np.zeros(len(cells), dtype=bool)

    def categories(self, cells: NDArray[np.float32]) -> Codes:
        """Codes of the categories of rows in which the column is present."""
        positions = cells[:, self.start : self.stop].argmax(axis=1)
        width = self.stop - self.start
        if width > MOST_CATEGORIES + 2:
            positions = np.where(
                positions == width - 1, MOST_CATEGORIES + 1, np.minimum(positions, MOST_CATEGORIES)
            )
        return np.asarray(positions, dtype=np.uint8)

    @property
    def n_categories(self) -> int:
        """Number of codes of categories."""
        return min(self.stop - self.start, MOST_CATEGORIES + 2)

    @property
    def unseen_code(self) -> int | None:
        """Code of categories that were not in the training rows."""
        return None if self.unseen is None else min(self.unseen, MOST_CATEGORIES + 1)


class Coder:
    """Codes of the values of each column, of its nats, of the latent term, and of the score.

    Parameters
    ----------
    encoder : TableEncoder
    cells : array of shape (n_kept, n_cells)
        Encoded calibration rows; missing cells of flagged columns may hold any number.
    shortfalls : array of shape (n_kept, n_columns + 1)
        Nats of the contributions of calibration rows below the typical ones.
    scores : array of shape (n_rows,)
        Scores of all calibration rows.

    Attributes
    ----------
    columns : list of ColumnCells
    quantiles : list of Quantiles or None
        For each of the 2 * n_columns + 2 codes of a row; None where it is not a number.
    score_codes : Quantiles
        The last of them.
    """

    def __init__(
        self, encoder: TableEncoder, cells: NDArray[np.float32], shortfalls: Floats, scores: Floats
    ) -> None:
        self.columns = columns_of(encoder)
        values: list[Quantiles | None] = []
        nats: list[Quantiles | None] = []
        for j, column in enumerate(self.columns):
            values.append(_quantiles_of(column, cells))
            nats.append(Quantiles(shortfalls[:, j], _NATS_TOLERANCE) if column.kind != "none" else None)
        self.score_codes = Quantiles(scores, _NATS_TOLERANCE)
        latent = Quantiles(shortfalls[:, -1], _NATS_TOLERANCE)
        self.quantiles = [*values, *nats, latent, self.score_codes]

    def codes(self, cells: NDArray[np.float32], shortfalls: Floats, scores: Floats) -> Codes:
        """Codes of rows, shape (n_rows, 2 * n_columns + 2): values, nats, latent nats, score."""
        n_columns = len(self.columns)
        codes = np.zeros((len(cells), len(self.quantiles)), dtype=np.uint8)
        numbers = np.concatenate([shortfalls, scores[:, None]], axis=1)
        for j, column in enumerate(self.columns):
            codes[:, j] = self._values(j, column, cells)
        for j, quantiles in enumerate(self.quantiles[n_columns:]):
            if quantiles is not None:
                codes[:, n_columns + j] = quantiles(numbers[:, j])
        return codes

    def _values(self, j: int, column: ColumnCells, cells: NDArray[np.float32]) -> Codes:
        quantiles = self.quantiles[j]
        codes = np.zeros(len(cells), dtype=np.uint8)
        if quantiles is not None:
            codes = quantiles(cells[:, column.start])
        elif column.kind == "category":
            codes = column.categories(cells)
        codes[column.missing(cells)] = MISSING
        return codes


def _quantiles_of(column: ColumnCells, cells: NDArray[np.float32]) -> Quantiles | None:
    """Quantiles of a column of numbers; None for another column, and without numbers in calibration."""
    if column.kind != "number":
        return None
    present = cells[~column.missing(cells), column.start]
    return Quantiles(present, _CELL_TOLERANCE) if len(present) else None


def columns_of(encoder: TableEncoder) -> list[ColumnCells]:
    """The cells of each column."""
    features, n_numeric = encoder.schema.features, encoder.schema.n_numeric
    spans = {int(code): features[n_numeric + i].span for i, code in enumerate(encoder.order)}
    columns, number, code = [], 0, 0
    for reader, flagged in zip(encoder.readers, encoder.flagged.tolist(), strict=True):
        own = range(code, code + len(reader.widths))
        flag = spans[own.stop].start + 1 if flagged else None
        first = number if reader.n_numeric else spans[own.start].start if reader.widths else None
        if isinstance(reader, DatetimeReader) or first is None:
            columns.append(ColumnCells("none", flag=flag, first=first))
        elif reader.n_numeric:
            columns.append(ColumnCells("number", number, number + 1, None, flag, first))
        else:
            span = spans[own.start]
            unseen = span.width - 1 if isinstance(reader, CategoryReader | ConstantReader) else None
            columns.append(ColumnCells("category", span.start, span.stop, unseen, flag, first))
        number, code = number + reader.n_numeric, own.stop + int(flagged)
    return columns

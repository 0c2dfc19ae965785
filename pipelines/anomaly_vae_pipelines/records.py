"""What passes between stages, and what a finished run says of itself. All frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

RESULT_COLUMNS = ("score", "p_value", "is_anomaly", "top_columns")
"""Columns that scoring appends, in this order, each after the prefix that the user chose."""


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a source.

    Attributes
    ----------
    source : str
        Name of the file, for messages.
    columns : tuple of str
        Names of all columns, in order.
    table : pyarrow.Table
        The columns that somebody asked for (the model, a label, an alert rule), shape (n_rows, n_asked).
    numbers : array of int, shape (n_rows,)
        Line of the file on which each row begins (of Parquet: number of the row), from 1.
    raw : pyarrow.LargeBinaryArray or None
        Each row as it stands in a text file, without its line end.
    unit : str
        What ``numbers`` count: "line", or "row" where the file has no lines.
    whole : pyarrow.Table or None
        All columns as the file has them, for an output that does not take ``raw``.
    """

    source: str
    columns: tuple[str, ...]
    table: pa.Table
    numbers: NDArray[np.int64]
    raw: pa.LargeBinaryArray | None = None
    unit: str = "line"
    whole: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def cells(self, name: str) -> list[str]:
        """One of the columns of ``table`` as text, empty where a cell is missing."""
        from anomaly_vae_pipelines.arrow_text import text_of

        texts: list[str] = text_of(self.table.column(name)).fill_null("").to_pylist()
        return texts

    def source_of(self, position: int) -> str:
        """The file that one row stands in."""
        return self.source

    def name_of(self, position: int) -> str:
        """What to call one row of its file, such as ``line 109``."""
        return f"{self.unit} {self.numbers[position]}"

    def contents(self, position: int) -> bytes:
        """What one row holds, as far as it was asked for: to tell it from another in its place."""
        one = Rows(self.source, self.columns, self.table.slice(position, 1), self.numbers[:0])
        return json.dumps([one.cells(name)[0] for name in one.table.column_names]).encode()

    def take(self, kept: NDArray[np.bool_]) -> Rows:
        """The rows where ``kept`` is true."""
        import pyarrow as pa

        if kept.all():
            return self
        mask = pa.array(kept)
        raw = None if self.raw is None else self.raw.filter(mask)
        whole = None if self.whole is None else _filtered(self.whole, kept)
        return replace(self, table=self.table.filter(mask), numbers=self.numbers[kept], raw=raw, whole=whole)


@dataclass(frozen=True)
class ImageRows(Rows):
    """Images as rows: the table says what they are called, and beside it are their pixels.

    Attributes
    ----------
    images : array of shape (n_rows, height, width) or (n_rows, height, width, 3)
        Grey or colour in 0..255.
    paths : tuple of str
        The file of each.
    """

    images: NDArray[Any] = field(kw_only=True)
    paths: tuple[str, ...] = field(kw_only=True)

    def source_of(self, position: int) -> str:
        """The file of one image."""
        return self.paths[position]

    def name_of(self, position: int) -> str:
        """The file of one image; of an array of images, its number."""
        path = self.paths[position]
        return f"image {self.numbers[position]}" if path == self.source else path

    def contents(self, position: int) -> bytes:
        """What one image is called, and its pixels."""
        pixels: bytes = self.images[position].tobytes()
        return super().contents(position) + pixels

    def take(self, kept: NDArray[np.bool_]) -> ImageRows:
        """The images where ``kept`` is true."""
        if kept.all():
            return self
        import pyarrow as pa

        mask = pa.array(kept)
        return replace(
            self,
            table=self.table.filter(mask),
            numbers=self.numbers[kept],
            whole=None if self.whole is None else _filtered(self.whole, kept),
            images=self.images[kept],
            paths=tuple(path for path, is_kept in zip(self.paths, kept, strict=True) if is_kept),
        )


@dataclass(frozen=True)
class NumberRows(Rows):
    """Rows for a model that reads numbers alone; the table is empty, and beside it is one matrix.

    Attributes
    ----------
    values : array of shape (n_rows, n_columns)
        Float64, NaN where a cell is missing, in the order of the model's columns.
    """

    values: NDArray[np.float64] = field(kw_only=True)

    def take(self, kept: NDArray[np.bool_]) -> NumberRows:
        """The rows where ``kept`` is true."""
        return replace(self, numbers=self.numbers[kept], values=self.values[kept])


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be read.

    Attributes
    ----------
    source : str
        Name of the file.
    number : int
        Line on which it begins (of Parquet: number of the row), from 1.
    kind : str
        In a word what is wrong, for counting.
    reason : str
        What is wrong, what was wanted, and the way out.
    raw : bytes
        The row as it stands in the file; of an image its name.
    is_image : bool
        Whether the row is an image, so that the source names it and there is no line to tell.
    """

    source: str
    number: int
    kind: str
    reason: str
    raw: bytes
    is_image: bool = False

    @property
    def line(self) -> int | None:
        """Line of the file to send a person to; None where the source says it all."""
        return None if self.is_image else self.number


@dataclass(frozen=True)
class Reason:
    """Why a row scored low.

    Attributes
    ----------
    column : str
        Name of the column, or ``latent`` for an odd combination of columns.
    nats : float
        What it cost against a typical row; negative.
    observed, expected : str or None
        The cell, and what the model expected in its place; None for ``latent``.
    """

    column: str
    nats: float
    observed: str | None
    expected: str | None


@dataclass(frozen=True)
class ScoredRows:
    """Rows and what the model says of them.

    Attributes
    ----------
    rows : Rows
        The rows as they came.
    scores : array of shape (n_rows,)
        ELBO in nats; higher is more normal.
    p_values : array of shape (n_rows,)
        Share of held-out training rows that score as low.
    is_anomaly : array of shape (n_rows,)
        Whether the score lies below the threshold.
    reasons : mapping of int to sequence of Reason
        Of the rows that are explained (all anomalies, unless nobody asked), worst column first, by position.
    """

    rows: Rows
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    reasons: Mapping[int, Sequence[Reason]]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Label:
    """A column that says which rows are normal, and the text that says so."""

    column: str
    normal: str


@dataclass(frozen=True)
class FitSummary:
    """What a fit did.

    Attributes
    ----------
    model : str
        File that the model was saved to.
    n_rows : int
        Rows that it was fitted on.
    kinds : mapping of str to int
        How many columns are of each kind.
    seconds : float
        Time from the first byte read to the model saved.
    elbo_validation : float
        Mean score of held-out rows, in nats.
    offset : float
        The threshold, in nats: a row that scores lower is an anomaly.
    image : (int, int, int) or None
        Height, width and channels, where rows are images.
    false_alarm_rate : float or None
        Share of normal rows expected below the threshold; None where it is not known.
    tail : {"empirical", "gpd"} or None
        What that rate rests on: a promise of held-out rows, or an estimate of their tail.
    """

    model: str
    n_rows: int
    kinds: Mapping[str, int]
    seconds: float
    elbo_validation: float
    offset: float
    false_alarm_rate: float | None
    tail: str | None = None
    image: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ScoreSummary:
    """What a scoring run did.

    Attributes
    ----------
    output : str
        Where the scored rows are.
    inputs : tuple of str
        What was read.
    model_id : str
        First digits of the SHA-256 of the model file.
    n_rows, n_scored, n_rejected : int
        Rows of the inputs; rows written; rows that could not be read. The first is the sum of the others.
    rejected : mapping of str to int
        Rows that could not be read, by what is wrong with them.
    rejected_to : str or None
        File that holds them.
    n_anomalies : int
        Scored rows below the threshold.
    threshold : float
        In nats.
    quantiles : mapping of str to float
        Of the scores, in nats, within one in a hundred of themselves.
    seconds : float
        Time of the run; of a resumed run, of its last sitting.
    n_sitting : int
        Rows of that time.
    """

    output: str
    inputs: tuple[str, ...]
    model_id: str
    n_rows: int
    n_scored: int
    n_rejected: int
    rejected: Mapping[str, int]
    rejected_to: str | None
    n_anomalies: int
    threshold: float
    quantiles: Mapping[str, float]
    seconds: float
    n_sitting: int

    @property
    def alert_rate(self) -> float:
        """Share of the scored rows that are anomalies."""
        return self.n_anomalies / self.n_scored if self.n_scored else 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows of the last sitting by its time."""
        return self.n_sitting / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Threshold:
    """Where a model draws the line, in nats, and the false-alarm rate that is expected there, and why."""

    model: str
    offset: float
    false_alarm_rate: float | None
    tail: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """How well scores find the rows that a label calls anomalous.

    Attributes
    ----------
    n_normal, n_anomalous, n_unlabelled : int
        Rows by label; a row whose label is empty counts for nothing else.
    auroc, average_precision : float
        Quality of the order of the scores, over all thresholds.
    offset : float
        The model's threshold in nats.
    n_alerts, n_hits : int
        Rows below the threshold, and how many of them are anomalous.
    """

    n_normal: int
    n_anomalous: int
    n_unlabelled: int
    auroc: float
    average_precision: float
    offset: float
    n_alerts: int
    n_hits: int

    @property
    def precision(self) -> float | None:
        """Share of alerts that are anomalous; None without an alert."""
        return self.n_hits / self.n_alerts if self.n_alerts else None

    @property
    def recall(self) -> float:
        """Share of anomalous rows that raise an alert."""
        return self.n_hits / self.n_anomalous

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal rows that raise an alert."""
        return (self.n_alerts - self.n_hits) / self.n_normal


def _filtered(table: pa.Table, kept: NDArray[np.bool_]) -> pa.Table:
    """The rows of a table where ``kept`` is true; Arrow filters some types, such as views, only by slices."""
    import numpy as np
    import pyarrow as pa

    try:
        return table.filter(pa.array(kept))
    except pa.ArrowNotImplementedError:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]))).reshape(-1, 2)
        parts = [table.slice(start, stop - start) for start, stop in edges.tolist()]
        return pa.concat_tables(parts) if parts else table.slice(0, 0)

"""Frozen records that pass between the stages of a run, and the summaries that runs return."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from anomaly_vae_pipelines.reasons import Reasons

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from anomaly_vae.drift.reference import Rows as DriftRows
    from anomaly_vae.score_bins import ScoreBins

RESULT_COLUMNS = ("score", "p_value", "severity", "is_anomaly", "top_columns")
"""Columns that scoring appends, in this order; the user's prefix comes before each name."""

VERDICT, VERDICT_ID = "verdict", "verdict_id"
"""Columns of what a person said about a row, and of what identifies the row: its last verdict counts."""

VERDICT_WORDS = {"normal": 1, "anomalous": -1, "1": 1, "+1": 1, "-1": -1}
"""What a cell of the first column may say."""


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
        The requested columns (of the model, a label, an alert rule), shape (n_rows, n_requested).
    numbers : array of int, shape (n_rows,)
        Line of the file on which each row begins (in Parquet: number of the row), from 1.
    raw : pyarrow.LargeBinaryArray or None
        The bytes of each row in a text file, without the line end.
    unit : str
        What ``numbers`` count: "line", or "row" if the file has no lines.
    whole : pyarrow.Table or None
        All columns as they are in the file, for an output that does not use ``raw``.
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
        """Return a column of ``table`` as text; missing cells are empty."""
        from anomaly_vae_pipelines.arrow_text import text_of

        texts: list[str | None] = text_of(self.table.column(name)).to_pylist()
        return [text or "" for text in texts]

    def source_of(self, position: int) -> str:
        """Return the file that contains a row."""
        return self.source

    def name_of(self, position: int) -> str:
        """Return the name of a row within its file, such as ``line 109``."""
        return f"{self.unit} {self.numbers[position]}"

    def contents(self, position: int) -> bytes:
        """Return the requested cells of a row as bytes, which differ between different rows."""
        one = Rows(self.source, self.columns, self.table.slice(position, 1), self.numbers[:0])
        return json.dumps([one.cells(name)[0] for name in one.table.column_names]).encode()

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the rows where ``kept`` is true."""
        from anomaly_vae_pipelines.arrow_arrays import arrow_booleans

        if kept.all():
            return self
        mask = arrow_booleans(kept)
        raw = None if self.raw is None else self.raw.filter(mask)
        whole = None if self.whole is None else _filtered(self.whole, kept)
        return replace(self, table=self.table.filter(mask), numbers=self.numbers[kept], raw=raw, whole=whole)


@dataclass(frozen=True)
class ParsedRows(Rows):
    """Rows of text, of which some columns were parsed as numbers, which is faster.

    Attributes
    ----------
    reread : callable
        Returns rows with all cells as text, given their bytes and numbers.
    """

    reread: Callable[[pa.LargeBinaryArray, NDArray[np.int64]], Rows] = field(kw_only=True)

    def texts(self, positions: NDArray[np.int64] | None = None) -> Rows:
        """Return the rows at some positions, by default all, with all cells as text."""
        from anomaly_vae_pipelines.arrow_arrays import arrow_numbers

        assert self.raw is not None  # rows of text keep their bytes
        if positions is None:
            return self.reread(self.raw, self.numbers)
        return self.reread(self.raw.take(arrow_numbers(positions)), self.numbers[positions])


@dataclass(frozen=True)
class ImageRows(Rows):
    """Images as rows: the table holds their names, and ``images`` their pixels.

    Attributes
    ----------
    images : array of shape (n_rows, height, width) or (n_rows, height, width, 3)
        Grey or colour, values from 0 to 255.
    paths : tuple of str
        The file of each image.
    """

    images: NDArray[Any] = field(kw_only=True)
    paths: tuple[str, ...] = field(kw_only=True)

    def source_of(self, position: int) -> str:
        """Return the file of an image."""
        return self.paths[position]

    def name_of(self, position: int) -> str:
        """Return the file of an image, or its number within an array."""
        path = self.paths[position]
        return f"image {self.numbers[position]}" if path == self.source else path

    def contents(self, position: int) -> bytes:
        """Return the name of an image and its pixels as bytes."""
        pixels: bytes = self.images[position].tobytes()
        return super().contents(position) + pixels

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the images where ``kept`` is true."""
        if kept.all():
            return self
        from anomaly_vae_pipelines.arrow_arrays import arrow_booleans

        mask = arrow_booleans(kept)
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
    """Rows for a model that reads only numbers: a matrix instead of a table, which is empty.

    Attributes
    ----------
    values : array of shape (n_rows, n_columns)
        Float64 in the order of the model's columns; missing cells are NaN.
    """

    values: NDArray[np.float64] = field(kw_only=True)

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the rows where ``kept`` is true."""
        return replace(self, numbers=self.numbers[kept], values=self.values[kept])


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be read.

    Attributes
    ----------
    source : str
        Name of the file.
    number : int
        Line on which the row begins (in Parquet: number of the row), from 1; the offset of a message.
    kind : str
        Kind of problem, one word, for counts.
    reason : str
        What is wrong, what was expected, and how to fix it.
    raw : bytes
        The bytes of the row in the file; for an image, its name.
    is_image : bool
        Whether the row is an image, which ``source`` identifies without a line.
    unit : str
        What ``number`` is, for messages.
    """

    source: str
    number: int
    kind: str
    reason: str
    raw: bytes
    is_image: bool = False
    unit: str = "line"

    @property
    def line(self) -> int | None:
        """Line to show in messages; None for an image."""
        return None if self.is_image else self.number


@dataclass(frozen=True)
class ScoredRows:
    """Rows and their scores.

    Attributes
    ----------
    rows : Rows
        The rows that were scored.
    scores : array of shape (n_rows,)
        ELBO in nats; higher is more normal.
    p_values : array of shape (n_rows,)
        Share of held-out training rows that score as low.
    severities : array of shape (n_rows,)
        -10 log10 of an estimated p-value, from 0 to 100; it also ranks rows below all held-out rows.
    is_anomaly : array of shape (n_rows,)
        Whether the score is below the threshold.
    reasons : Reasons
        Reasons by position of the row, worst column first, for the rows that are explained.
    unseen : mapping of str to array of bool, shape (n_rows,)
        Which rows hold a value that training never saw, by column; only the columns with any.
    drift : rows of ``anomaly_vae.drift``, or None
        The rows as a monitor of drift sees them, if the scorer was asked for that.
    offsets : array of shape (n_rows,) or None
        The threshold of each row, in nats, if each key has its own.
    """

    rows: Rows
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    severities: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    reasons: Reasons
    unseen: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    drift: DriftRows | None = None
    offsets: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Label:
    """A column that marks normal rows, and the value that means normal."""

    column: str
    normal: str


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The threshold of a saved model.

    Attributes
    ----------
    model : str
        File of the saved model.
    offset : float or None
        The threshold, in nats: a row that scores lower is an anomaly; None if each key has its own.
    false_alarm_rate, tail : float or None, {"empirical", "gpd"} or None
        Share of normal rows expected below it, if known, and its basis: a guarantee, or an estimate.
    n_calibration : int
        Number of calibration rows.
    n_keys : int or None
        Number of keys with a threshold of their own; None without keys.
    threshold_interval, false_alarm_interval : (float, float) or None
        Intervals of the threshold, in nats, and of the actual false-alarm rate, as in ``TabularVAEDetector``.
    """

    model: str
    offset: float | None
    false_alarm_rate: float | None
    tail: str | None
    n_calibration: int
    threshold_interval: tuple[float, float] | None
    false_alarm_interval: tuple[float, float] | None
    n_keys: int | None = None


@dataclass(frozen=True, kw_only=True)
class FitSummary(Threshold):
    """Result of a fit.

    Attributes
    ----------
    n_rows, seconds : int, float
        Number of training rows, and duration from reading the file to saving the model.
    kinds : mapping of str to int
        Number of columns of each kind.
    elbo_validation : float
        Mean score of held-out rows, in nats.
    n_seen : int or None
        Number of rows of a table, of which ``n_rows`` were drawn.
    blocks : (int, int) or None
        Number of blocks of the files that were read, and of all blocks; None if all rows were read.
    image : (int, int, int) or None
        Height, width and channels, if rows are images.
    dialect : str
        How the text was read, if it is not plain CSV.
    odd : tuple of str
        What is odd about columns, as ``anomaly-vae check`` shows it.
    """

    n_rows: int
    kinds: Mapping[str, int]
    seconds: float
    elbo_validation: float
    n_seen: int | None = None
    blocks: tuple[int, int] | None = None
    image: tuple[int, int, int] | None = None
    dialect: str = ""
    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScoreSummary:
    """Result of a scoring run.

    Attributes
    ----------
    output : str
        File or URL of the scored rows.
    inputs : tuple of str
        Files and URLs that were read.
    model_id : str
        First digits of the SHA-256 of the model file.
    n_rows, n_scored, n_rejected : int
        Rows of the inputs; rows written; rows that could not be read. The first is the sum of the others.
    rejected : mapping of str to int
        Number of rejected rows by kind of problem.
    rejected_to : str or None
        File of the rejected rows.
    n_anomalies : int
        Scored rows below the threshold.
    threshold, tail : float or None, {"empirical", "gpd"}
        In nats, None if each key has its own; "gpd" if p-values below the lowest calibration score are
        estimated.
    quantiles : mapping of str to float
        Quantiles of the scores in nats, with a relative error of at most 1 %.
    seconds, n_sitting : float, int
        Duration, and the rows processed in it; of a resumed run, only since it was resumed.
    unseen : mapping of str to int
        By column, the number of scored rows with a value that training never saw.
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
    threshold: float | None
    quantiles: Mapping[str, float]
    seconds: float
    n_sitting: int
    tail: str = "empirical"
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def alert_rate(self) -> float:
        """Share of scored rows that are anomalies."""
        return self.n_anomalies / self.n_scored if self.n_scored else 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows per second since the run was started or resumed."""
        return self.n_sitting / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class ExportSummary:
    """An exported model: its file, the file's size in bytes, and the number of its inputs of each type."""

    output: str
    n_bytes: int
    n_numbers: int
    n_texts: int
    n_dates: int


@dataclass(frozen=True)
class Evaluation:
    """How well scores find the rows that are known to be anomalous.

    Attributes
    ----------
    n_normal, n_anomalous, n_unlabelled : int
        Rows by label; rows with an empty label are not evaluated.
    auroc, average_precision : float or None
        Quality of the ranking by score, over all thresholds; None if all rows are of one kind.
    offset : float or None
        The model's threshold in nats; None if each key has its own.
    n_alerts, n_hits : int
        Rows below the threshold, and the number of them that are anomalous.
    histogram : ScoreBins or None
        Scores by bin, of normal and of anomalous rows; None without one threshold.
    """

    n_normal: int
    n_anomalous: int
    n_unlabelled: int
    auroc: float | None
    average_precision: float | None
    offset: float | None
    n_alerts: int
    n_hits: int
    histogram: ScoreBins | None

    @property
    def precision(self) -> float | None:
        """Share of alerts that are anomalous; None if there are no alerts."""
        return self.n_hits / self.n_alerts if self.n_alerts else None

    @property
    def recall(self) -> float | None:
        """Share of anomalous rows that raise an alert; None if there are no anomalous rows."""
        return self.n_hits / self.n_anomalous if self.n_anomalous else None

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of normal rows that raise an alert; None if there are no normal rows."""
        return (self.n_alerts - self.n_hits) / self.n_normal if self.n_normal else None

    @property
    def metrics(self) -> dict[str, float | None]:
        """Measures by the names that gates use; None if one is not defined."""
        return {
            "recall": self.recall,
            "precision": self.precision,
            "false_alarms": self.false_alarm_rate,
            "auroc": self.auroc,
            "average_precision": self.average_precision,
        }


def no_scores(rows: Rows) -> ScoredRows:
    """Return scored rows for ``rows`` without rows, which still have columns."""
    import numpy as np

    none = np.empty(0)
    return ScoredRows(rows, none, none, none, none.astype(bool), Reasons())


def _filtered(table: pa.Table, kept: NDArray[np.bool_]) -> pa.Table:
    """Return the rows where ``kept`` is true; some Arrow types, such as views, can only be sliced."""
    import numpy as np
    import pyarrow as pa

    from anomaly_vae_pipelines.arrow_arrays import arrow_booleans

    try:
        return table.filter(arrow_booleans(kept))
    except pa.ArrowNotImplementedError:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]))).reshape(-1, 2)
        parts = [table.slice(start, stop - start) for start, stop in edges.tolist()]
        return pa.concat_tables(parts) if parts else table.slice(0, 0)

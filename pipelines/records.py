"""What passes between stages, and what a finished run says of itself. All frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESULT_COLUMNS = ("score", "p_value", "is_anomaly", "top_columns")
"""Columns that scoring appends, in this order, each after the prefix that the user chose."""


class TextTable(Protocol):
    """Named columns and rows of text: all that a sink needs to know."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""

    @property
    def rows(self) -> Iterable[Sequence[str]]:
        """Rows, as wide as ``columns``."""


@dataclass(frozen=True)
class TextChunk:
    """Consecutive rows of a file, cells as they were written.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns.
    rows : sequence of sequences of str
        Cells of each row, as many as there are columns.
    lines : sequence of int
        Line of the file, from 1, on which each row begins.
    source : str
        Name of the file, for messages.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int] = ()
    source: str = ""

    def column(self, name: str) -> list[str]:
        """Cells of one column."""
        position = self.columns.index(name)
        return [row[position] for row in self.rows]


@dataclass(frozen=True)
class ScoredBatch:
    """A chunk and what the model says of its rows.

    Attributes
    ----------
    chunk : TextChunk
        The rows as they came.
    scores : array of shape (n_rows,)
        ELBO in nats; higher is more normal.
    p_values : array of shape (n_rows,)
        Share of held-out training rows that score as low.
    is_anomaly : array of shape (n_rows,)
        Whether the score lies below the model's threshold.
    top_columns : sequence of str
        The columns that cost the most nats, as ``name:nats;name:nats``; empty where none was asked for.
    prefix : str
        Put before the names of the result columns.
    """

    chunk: TextChunk
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    is_anomaly: NDArray[np.bool_]
    top_columns: Sequence[str]
    prefix: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input, then those of the result."""
        return (*self.chunk.columns, *(self.prefix + name for name in RESULT_COLUMNS))

    @property
    def rows(self) -> Iterator[Sequence[str]]:
        """Rows of the input as they came, each followed by its results."""
        results = zip(
            map(repr, self.scores.tolist()),
            (f"{p_value:.6g}" for p_value in self.p_values.tolist()),
            ("true" if flag else "false" for flag in self.is_anomaly.tolist()),
            self.top_columns,
            strict=True,
        )
        return ((*row, *result) for row, result in zip(self.chunk.rows, results, strict=True))


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


@dataclass(frozen=True)
class ScoreSummary:
    """What a scoring run did: the rows it wrote, the anomalies among them, and where they are."""

    output: str
    n_rows: int
    n_anomalies: int
    seconds: float


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

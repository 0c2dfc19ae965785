"""Options of a scoring run, its progress, and the observer of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.records import ScoredRows

if TYPE_CHECKING:
    from anomaly_vae.drift.reference import Reference

Explain = Literal["flagged", "all", "none"]
OnBadRow = Literal["error", "quarantine"]


@dataclass(frozen=True)
class ScoreOptions:
    """Options of a scoring run.

    Attributes
    ----------
    explain : {"flagged", "all", "none"}
        Which rows get ``top_columns``.
    heatmaps : str or None
        Folder for heat maps of anomalous images.
    prefix : str
        Prefix of the names of the result columns.
    input_format, output_format : str or None
        "csv", "jsonl" or "parquet"; by the suffix if None.
    tail : {"empirical", "gpd"}
        Whether p-values below the lowest calibration score are estimated.
    on_bad_row : {"error", "quarantine"}
        Whether a row that cannot be read stops the run, or is written to ``rejected_to``.
    rejected_to : str or None
        File for rejected rows; next to the output if None.
    max_rejected : float
        The run fails if the share of rejected rows is higher.
    resume : bool
        Whether to continue an interrupted run of the same files.
    jobs : int or None
        Number of threads; one per core if None.
    force : bool
        Whether the output may be replaced.
    """

    explain: Explain = "flagged"
    heatmaps: str | None = None
    prefix: str = ""
    input_format: str | None = None
    output_format: str | None = None
    tail: Tail = "empirical"
    on_bad_row: OnBadRow = "error"
    rejected_to: str | None = None
    max_rejected: float = 1.0
    resume: bool = False
    jobs: int | None = None
    force: bool = False


@dataclass(frozen=True)
class WorstRow:
    """A flagged row: its name, score in nats, severity, and reasons as one text."""

    name: str
    score: float
    severity: float
    reasons: str


@dataclass(frozen=True)
class Progress:
    """Progress of a run: rows, anomalies, bytes of the (compressed) inputs, and the worst rows."""

    n_rows: int
    n_anomalies: int
    n_bytes: int
    total_bytes: int | None
    worst: tuple[WorstRow, ...] = ()


class RowObserver(Protocol):
    """Receives the scored rows of a run, in order."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs besides those of the model."""

    def observe(self, scored: ScoredRows) -> object:
        """Process the next rows."""


class Observer(RowObserver, Protocol):
    """An observer whose state is saved with the run, so that both can be resumed."""

    @property
    def calibration_rows(self) -> Reference | None:
        """Calibration rows of the model, with which it needs the rows to be compared; None if it does not."""

    def get_state(self) -> dict[str, Any]:
        """Return the state as JSON values."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a state that ``get_state`` returned."""

"""What a scoring run is told, and what it tells while it goes: options, progress, an observer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from anomaly_vae_pipelines.records import ScoredRows

Explain = Literal["flagged", "all", "none"]
OnBadRow = Literal["error", "quarantine"]


@dataclass(frozen=True)
class ScoreOptions:
    """How files are scored.

    Attributes
    ----------
    explain : {"flagged", "all", "none"}
        Which rows get ``top_columns``.
    heatmaps : str or None
        Folder for pictures of what is anomalous in images.
    prefix : str
        Put before the names of the result columns.
    input_format, output_format : str or None
        "csv", "jsonl" or "parquet"; by suffix where None.
    on_bad_row : {"error", "quarantine"}
        Whether the first row that cannot be read ends the run, or goes to ``rejected_to``.
    rejected_to : str or None
        File of rejected rows; beside the output where None.
    max_rejected : float
        Share of rejected rows beyond which the run fails.
    resume : bool
        Whether to go on from where an earlier run of the same files stopped.
    jobs : int or None
        Threads; as many as there are cores where None.
    force : bool
        Whether the output may be replaced.
    """

    explain: Explain = "flagged"
    heatmaps: str | None = None
    prefix: str = ""
    input_format: str | None = None
    output_format: str | None = None
    on_bad_row: OnBadRow = "error"
    rejected_to: str | None = None
    max_rejected: float = 1.0
    resume: bool = False
    jobs: int | None = None
    force: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a run has come: rows, anomalies, and of the inputs as they lie on disk, bytes."""

    n_rows: int
    n_anomalies: int
    n_bytes: int
    total_bytes: int | None


class Observer(Protocol):
    """Whoever watches the scored rows of a run, and is to go on with it after a crash."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs beside those of the model."""

    def observe(self, scored: ScoredRows) -> object:
        """Take in the next rows."""

    def get_state(self) -> dict[str, Any]:
        """What it remembers, fit for JSON."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with what ``get_state`` gave."""

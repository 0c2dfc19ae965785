"""RunStats: counts of a run in constant memory, which can be saved and restored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anomaly_vae_pipelines.records import Rejected, ScoredRows
from anomaly_vae_pipelines.runs.quantiles import QuantileSketch


@dataclass
class RunStats:
    """Counts so far, all of which are saved in the journal."""

    n_scored: int = 0
    n_anomalies: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    scores: QuantileSketch = field(default_factory=QuantileSketch)

    @property
    def n_rejected(self) -> int:
        """Number of rows that could not be read."""
        return self.rejected.total()

    @property
    def n_rows(self) -> int:
        """Number of all rows."""
        return self.n_scored + self.n_rejected

    def add(self, scored: ScoredRows, rejected: Sequence[Rejected]) -> None:
        """Add the rows of a block."""
        self.n_scored += len(scored)
        self.n_anomalies += int(scored.is_anomaly.sum())
        self.rejected.update(row.kind for row in rejected)
        self.scores.add(scored.scores)

    def get_state(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "n_scored": self.n_scored,
            "n_anomalies": self.n_anomalies,
            "rejected": dict(self.rejected),
            "scores": self.scores.get_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RunStats:
        """Restore what ``get_state`` returned."""
        scores = QuantileSketch.from_state(state["scores"])
        return cls(state["n_scored"], state["n_anomalies"], Counter(state["rejected"]), scores)

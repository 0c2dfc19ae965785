"""RunStats: counts of a run in constant memory, which can be saved and restored."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anomaly_vae_pipelines.errors import TooManyRejectedError, UnseenValuesWarning
from anomaly_vae_pipelines.records import Rejected, ScoredRows, ScoreSummary
from anomaly_vae_pipelines.runs.quantiles import QuantileSketch

QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}

MANY_UNSEEN, UNSEEN_SHARE = 10, 0.1
"""A column is reported if at least this number of rows, and more than this share, have unseen values."""


@dataclass
class RunStats:
    """Counts so far, all of which are saved in the journal."""

    n_scored: int = 0
    n_anomalies: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    scores: QuantileSketch = field(default_factory=QuantileSketch)
    unseen: Counter[str] = field(default_factory=Counter)

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
        self.unseen.update({name: int(mask.sum()) for name, mask in scored.unseen.items()})

    def summary(self, **facts: Any) -> ScoreSummary:
        """Return the summary of a run with these counts; ``facts`` are its other attributes."""
        return ScoreSummary(
            n_rows=self.n_rows,
            n_scored=self.n_scored,
            n_rejected=self.n_rejected,
            rejected=dict(self.rejected),
            n_anomalies=self.n_anomalies,
            unseen=dict(self.unseen),
            quantiles={name: self.scores.quantile(share) for name, share in QUANTILES.items()},
            **facts,
        )

    def check_rejected(self, highest: float, rejected_to: str | None) -> None:
        """Raise TooManyRejectedError if more than a share of the rows could not be read."""
        if self.n_rejected / max(self.n_rows, 1) > highest:
            raise TooManyRejectedError(
                f"{self.n_rejected:,} of {self.n_rows:,} rows cannot be read, which is more than "
                f"--max-rejected {highest:g}; see {rejected_to}"
            )

    def merge(self, other: RunStats) -> None:
        """Add the counts of another run."""
        self.n_scored += other.n_scored
        self.n_anomalies += other.n_anomalies
        self.rejected.update(other.rejected)
        self.unseen.update(other.unseen)
        self.scores.merge(other.scores)

    def get_state(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "n_scored": self.n_scored,
            "n_anomalies": self.n_anomalies,
            "rejected": dict(self.rejected),
            "scores": self.scores.get_state(),
            "unseen": dict(self.unseen),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> RunStats:
        """Restore what ``get_state`` returned."""
        scores = QuantileSketch.from_state(state["scores"])
        rejected, unseen = Counter(state["rejected"]), Counter(state.get("unseen", {}))
        return cls(state["n_scored"], state["n_anomalies"], rejected, scores, unseen)

    def unseen_problem(self) -> str | None:
        """What to say about columns with many values that training never saw, in one line; None for none."""
        many = [
            (name, count) for name, count in self.unseen.most_common()
            if count >= MANY_UNSEEN and count > UNSEEN_SHARE * self.n_scored
        ]  # fmt: skip
        if not many:
            return None
        (name, count), *others = many
        also = f" (and columns {', '.join(name for name, _ in others[:5])})" if others else ""
        return (
            f"column {name}{also}: {count:,} of {self.n_scored:,} rows hold a value that training never saw; "
            "was the model fitted on another release?"
        )

    def warn_of_unseen(self) -> None:
        """Warn with UnseenValuesWarning if many rows hold values that training never saw."""
        if (problem := self.unseen_problem()) is not None:
            warnings.warn(problem, UnseenValuesWarning, stacklevel=2)

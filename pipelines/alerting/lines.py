"""A line: which rows count as anomalous for a rule, and how many normal rows would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.records import ScoredRows


@dataclass(frozen=True)
class Calibration:
    """What is known of normal rows.

    Attributes
    ----------
    scores : array of shape (n_rows,) or None
        Scores of held-out normal rows, in nats.
    offset : float or None
        The score under which the model calls a row an anomaly.
    """

    scores: NDArray[np.float64] | None = None
    offset: float | None = None

    def rate_under(self, score: float | None) -> float | None:
        """Share of normal rows that score lower, never 0; None where it isn't known."""
        if self.scores is None or score is None or not len(self.scores):
            return None
        return float(1 + (self.scores < score).sum()) / (1 + len(self.scores))


@dataclass(frozen=True)
class Line:
    """Rows under a score, or up to a p-value; the model's own anomalies where neither is given.

    Attributes
    ----------
    below : float or None
        Rows with a lower score count, in nats.
    p_value : float or None
        Rows with a p-value up to this count.
    calibration : Calibration
        What is known of normal rows.
    """

    below: float | None = None
    p_value: float | None = None
    calibration: Calibration = Calibration()

    def flags(self, scored: ScoredRows) -> NDArray[np.bool_]:
        """Whether each row counts, shape (n_rows,)."""
        if self.below is not None:
            return scored.scores < self.below
        if self.p_value is not None:
            return scored.p_values <= self.p_value
        return scored.is_anomaly

    @property
    def rate(self) -> float | None:
        """Share of normal rows that count all the same; None where it isn't known."""
        if self.p_value is not None:
            return self.p_value
        return self.calibration.rate_under(self.calibration.offset if self.below is None else self.below)

    def __str__(self) -> str:
        if self.below is not None:
            return f"score under {self.below:g} nats"
        return "anomalous" if self.p_value is None else f"p-value up to {self.p_value:g}"

"""Limits: which rows count as anomalous for a rule, and how many normal rows do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.tails import LowerTail
from anomaly_vae.thresholds import least_false_alarm_rate
from anomaly_vae_pipelines.records import ScoredRows

if TYPE_CHECKING:
    from anomaly_vae.drift.reference import Reference


@dataclass(frozen=True)
class CalibrationScores:
    """Scores of held-out normal rows, and the threshold of the model.

    Attributes
    ----------
    scores : array of shape (n_rows,) or None
        Scores of held-out normal rows, in nats; None if they are not known.
    offset : float or None
        The score below which the model flags a row; None if it is not known.
    rows : callable or None
        Gives the calibration rows of a model of a table; None if the model kept none.
    n_of_key : int or None
        The most held-out rows of a key, if each key has scores and a threshold of its own, which are not
        known here.
    """

    scores: NDArray[np.float64] | None = None
    offset: float | None = None
    rows: Callable[[], Reference] | None = None
    n_of_key: int | None = None

    @property
    def n_rows(self) -> int:
        """Number of held-out rows, of one key if each has its own; 0 if none are known."""
        return self.n_of_key or (0 if self.scores is None else len(self.scores))

    @property
    def least_p_value(self) -> float | None:
        """The smallest p-value that a row can have; None if it is not known."""
        return least_false_alarm_rate(self.n_rows) if self.n_rows else None

    def rate_under(self, score: float | None) -> float | None:
        """Share of normal rows that score lower, never 0; None if it is not known."""
        if self.scores is None or score is None or not len(self.scores):
            return None
        return float(1 + (self.scores < score).sum()) / (1 + len(self.scores))

    def tail(self) -> LowerTail:
        """An estimate of smaller p-values; raises InputError if there are too few held-out rows."""
        return LowerTail.fit(np.sort(self.scores if self.scores is not None else np.empty(0)))


@dataclass(frozen=True)
class Limit:
    """Counts rows below a score or up to a p-value; without either, those that the model flags.

    Attributes
    ----------
    below : float or None
        Rows with a lower score count, in nats.
    p_value : float or None
        Rows with a p-value up to this count.
    calibration : CalibrationScores
        Scores of normal rows.
    tail : LowerTail or None
        Estimates p-values that are smaller than the held-out rows can show.
    """

    below: float | None = None
    p_value: float | None = None
    calibration: CalibrationScores = CalibrationScores()
    tail: LowerTail | None = None

    def flags(self, scored: ScoredRows) -> NDArray[np.bool_]:
        """Whether each row counts, shape (n_rows,)."""
        if self.below is not None:
            return scored.scores < self.below
        if self.p_value is None:
            return scored.is_anomaly
        return np.asarray(self.p_values(scored) <= self.p_value)

    def p_values(self, scored: ScoredRows) -> NDArray[np.float64]:
        """p-values, shape (n_rows,); estimates where rows score below all held-out rows."""
        if self.tail is None:
            return scored.p_values
        lower = np.flatnonzero(scored.scores < self.tail.lowest)
        p_values = scored.p_values.copy()
        p_values[lower] = self.tail.p_values(scored.scores[lower])
        return p_values

    def p_value_of(self, scored: ScoredRows, position: int) -> float:
        """p-value of one row; the estimate, if the row scores below all held-out rows."""
        if self.tail is None or scored.scores[position] >= self.tail.lowest:
            return float(scored.p_values[position])
        return float(self.tail.p_values(scored.scores[[position]])[0])

    @property
    def rate(self) -> float | None:
        """Share of normal rows that count; None if it is not known."""
        if self.p_value is not None:
            return self.p_value
        return self.calibration.rate_under(self.calibration.offset if self.below is None else self.below)

    @property
    def condition(self) -> str:
        """Which rows, to follow the word "rows"; empty if they are those that the model flags."""
        return "" if self.below is None and self.p_value is None else f" with {self}"

    @property
    def meaning(self) -> str:
        """What a row that counts has, with the numbers of this model."""
        if self.below is None and self.p_value is None and self.calibration.offset is not None:
            return f"a score under {self.calibration.offset:.4g} nats (the threshold of the model)"
        return f"a {self}"

    def __str__(self) -> str:
        if self.below is not None:
            return f"score under {self.below:g} nats"
        if self.p_value is None:
            return "anomalous"
        return f"p-value up to {self.p_value:g}" + (", estimated" if self.tail is not None else "")

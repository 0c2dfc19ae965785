"""ScoreStatistics: counts and drift of the scores of a model, for its metrics."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.rules.drift import Reference

SHARES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles of the calibration scores that are the upper bounds of the score buckets."""

WINDOW = 5_000
"""Drift is measured on the last rows: at least this many, fewer than twice as many."""

LEAST = 200
"""Rows that drift is measured on, or there is none: of fewer, still rows are too often far from calibration.

With 200 rows their distance exceeds 0.2 with a probability of 2e-7 (Massart 1990); that of two rows is at
least 0.25."""

_MANY = 1024


@dataclass(frozen=True)
class Snapshot:
    """The statistics of a model at one moment.

    Attributes
    ----------
    n_rows, n_anomalies : int
    edges : tuple of float
        Upper bounds of the buckets of scores, in nats.
    counts : tuple of int
        Rows in each bucket; the last one has no upper bound.
    total : float
        Sum of the scores, in nats.
    drift : float or None
        Kolmogorov-Smirnov distance of the last rows' scores from those of calibration; None with fewer rows
        than ``LEAST``.
    n_recent : int
        The number of these last rows.
    """

    n_rows: int
    n_anomalies: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    drift: float | None
    n_recent: int


@dataclass
class ScoreStatistics:
    """Counts scores, beside the ascending ``calibration`` scores of held-out rows. Threads may share it."""

    calibration: NDArray[np.float64]
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._edges = np.unique(np.quantile(self.calibration, SHARES))
        self._counts = np.zeros(len(self._edges) + 1, dtype=np.int64)
        self._reference = Reference(self.calibration)
        self._recent: list[NDArray[np.int64]] = []
        self._n_rows, self._n_anomalies, self._total = 0, 0, 0.0
        self._new: list[NDArray[np.float64]] = []
        self._n_new = 0

    def add(self, scores: NDArray[np.float64], is_anomaly: NDArray[np.bool_]) -> None:
        """Count more rows; their buckets are found later, for many rows at once."""
        if not len(scores):  # all rows of a request were refused
            return
        with self._lock:
            self._n_rows += len(scores)
            self._n_anomalies += int(np.count_nonzero(is_anomaly))
            self._new.append(scores)
            self._n_new += len(scores)
            if self._n_new >= _MANY:
                self._count_new()

    def _count_new(self) -> None:
        """Count the new scores in their buckets."""
        scores = np.concatenate(self._new)
        self._new, self._n_new = [], 0
        self._counts += np.bincount(np.searchsorted(self._edges, scores), minlength=len(self._counts))
        self._total += float(scores.sum())
        between = self._reference.count(scores)
        if not self._recent or self._recent[-1].sum() >= WINDOW:
            self._recent = [*self._recent[-1:], np.zeros_like(between)]
        self._recent[-1] += between

    def snapshot(self) -> Snapshot:
        """The statistics up to now."""
        with self._lock:
            if self._new:
                self._count_new()
            recent = np.sum(self._recent, axis=0) if self._recent else np.zeros(1, dtype=np.int64)
            n_recent = int(recent.sum())
            return Snapshot(
                self._n_rows,
                self._n_anomalies,
                tuple(self._edges.tolist()),
                tuple(self._counts.tolist()),
                self._total,
                self._reference.effect(recent) if n_recent >= LEAST else None,
                n_recent,
            )

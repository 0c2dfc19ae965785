"""RecentDrift: which columns of the latest rows of a model differ from those of calibration.

While rows are scored, a bounded number of them is set aside. They are compared when a client asks, and then
not again for a while.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from anomaly_vae.drift import ColumnDrift, DriftMonitor
from anomaly_vae.drift.reference import Reference
from anomaly_vae_pipelines.records import NumberRows, Rows
from anomaly_vae_pipelines.scoring.adapters import AnyScorer
from anomaly_vae_pipelines.service.models.batching import joined, kind_of

MOST = 2_000
"""Rows that are kept: the latest."""

PER_SECOND = 5.0
"""Rows that are set aside in the long run: those that are kept are then not all of one moment or client."""

AT_ONCE = 500
"""Rows that may be set aside at once, after a pause."""

LEAST = 200
"""Fewer rows are not compared: the tests would find only large differences."""

EVERY = 30.0
"""Seconds between two comparisons; one of 2,000 rows of 30 columns takes half a second or less."""

RATE = 0.01
"""The most that the probability of a column counting as drifted is, for independent rows, each time."""

MOST_COLUMNS = 20
"""Columns that are shown: the likeliest causes."""


class RecentDrift:
    """Drift by column of the latest rows. Threads may share it.

    Parameters
    ----------
    names : sequence of str
        Columns that the model reads; no others are kept.
    reference : callable
        Gives the calibration rows, once they are needed.
    scorer : callable
        From calibration rows to the scorer that compares rows with them.
    clock : callable
        A time in seconds.
    """

    def __init__(
        self,
        names: Sequence[str],
        reference: Callable[[], Reference],
        scorer: Callable[[Reference], AnyScorer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names, self._clock = list(names), clock
        self._make_reference, self._make_scorer = reference, scorer
        self._lock, self._comparing = threading.Lock(), threading.Lock()
        self._pieces: deque[Rows] = deque()
        self._n_rows, self._allowed, self._added_at = 0, float(AT_ONCE), clock()
        self._columns: list[ColumnDrift] | None = None
        self._compared_at = 0.0

    @property
    def n_rows(self) -> int:
        """Rows that are kept."""
        return self._n_rows

    def add(self, rows: Rows) -> None:
        """Set some of the rows that were scored aside, evenly spread."""
        with self._lock:
            now = self._clock()
            self._allowed = min(AT_ONCE, self._allowed + PER_SECOND * (now - self._added_at))
            self._added_at = now
            n_kept = min(len(rows), int(self._allowed))
            if n_kept:
                self._allowed -= n_kept
                self._keep(_spread(rows, n_kept))

    def columns(self) -> list[ColumnDrift] | None:
        """The columns that drifted, the likeliest cause first; None of too few rows."""
        if self._n_rows < LEAST:
            return None
        with self._comparing:
            now = self._clock()
            if self._columns is None or now - self._compared_at >= EVERY:
                with self._lock:
                    pieces = list(self._pieces)
                self._columns, self._compared_at = self._compared(pieces), now
            return self._columns

    def _keep(self, piece: Rows) -> None:
        if not isinstance(piece, NumberRows):
            piece = replace(piece, table=piece.table.select(self._names), raw=None, whole=None)
        self._pieces.append(piece)
        self._n_rows += len(piece)
        while self._n_rows - len(self._pieces[0]) >= MOST:
            self._n_rows -= len(self._pieces.popleft())

    def _compared(self, pieces: Sequence[Rows]) -> list[ColumnDrift]:
        """The columns of these rows that drifted; rows of one kind are compared together."""
        kinds: dict[object, list[Rows]] = {}
        for piece in pieces:
            kinds.setdefault(kind_of(piece), []).append(piece)
        monitor = DriftMonitor(self._reference, RATE)
        for alike in kinds.values():
            scored, _ = self._scorer(joined(alike))
            if scored.drift is not None:
                monitor.add(scored.drift)
        report = monitor.report()
        by_name = {column.name: column for column in report.columns}
        return [by_name[name] for name in report.moved[:MOST_COLUMNS]]

    @cached_property
    def _reference(self) -> Reference:
        return self._make_reference()

    @cached_property
    def _scorer(self) -> AnyScorer:
        return self._make_scorer(self._reference)


def _spread(rows: Rows, n_kept: int) -> Rows:
    """Some of the rows, evenly spread."""
    if n_kept == len(rows):
        return rows
    kept = np.zeros(len(rows), dtype=np.bool_)
    kept[((np.arange(n_kept) + 0.5) * len(rows) / n_kept).astype(np.int64)] = True
    return rows.take(kept)

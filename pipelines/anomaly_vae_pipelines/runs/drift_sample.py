"""DriftSample: drift by column in a sample of rows, whose cost does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.drift import DriftMonitor, DriftReport
from anomaly_vae.drift.reference import Reference
from anomaly_vae.sampling import RowSample
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.scoring.tables import Scorer
from anomaly_vae_pipelines.sources.sampling import join_rows, take_rows

N_ROWS = 10_000
"""Rows that are compared: a uniform sample, or all if there are not more."""


class _Piece(NamedTuple):
    """Some rows, and their positions among all rows."""

    rows: Rows
    positions: NDArray[np.int64]


class DriftSample:
    """Compares a sample of rows, in the order of the files, with those of calibration.

    Parameters
    ----------
    scorer : Scorer
    reference : Reference
        The calibration rows of its detector.
    rate : float
        As in ``DriftMonitor``.
    """

    def __init__(self, scorer: Scorer, reference: Reference, rate: float) -> None:
        self._scorer, self._reference, self._rate = scorer, reference, rate
        self._sample: RowSample[_Piece] = RowSample(N_ROWS, _take, _join)

    def add(self, rows: Rows) -> None:
        """Add the next rows."""
        first, n_rows = self._sample.n_seen, len(rows)
        piece = _Piece(replace(rows, raw=None, whole=None), np.arange(first, first + n_rows))
        self._sample.add(piece, n_rows)

    def report(self) -> DriftReport:
        """Return how the sample differs; ``since`` counts all rows."""
        monitor = DriftMonitor(self._reference, self._rate)
        if not self._sample.n_seen:
            return monitor.report()
        rows, positions = self._sample.rows()
        X = self._scorer.prepared(rows)
        monitor.add(self._scorer.detector.drift_rows(X, self._reference, rows.numbers))
        report = monitor.report()

        def place(since: int | None) -> int | None:
            return None if since is None else int(positions[since - 1]) + 1

        columns = tuple(replace(column, since=place(column.since)) for column in report.columns)
        score = replace(report.score, since=place(report.score.since))
        return replace(report, since=place(report.since), columns=columns, score=score)


def _take(piece: _Piece, kept: NDArray[np.int64]) -> _Piece:
    return _Piece(take_rows(piece.rows, kept), piece.positions[kept])


def _join(pieces: Sequence[_Piece]) -> _Piece:
    positions = np.concatenate([piece.positions for piece in pieces])
    return _Piece(join_rows([piece.rows for piece in pieces]), positions)

"""DriftSample: drift by column in a sample of rows, whose cost does not grow with their number."""

from __future__ import annotations

from dataclasses import replace

from anomaly_vae.drift import DriftMonitor, DriftReport
from anomaly_vae.drift.reference import Reference
from anomaly_vae.sampling.rows import RowSample
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.scoring.tables import Scorer
from anomaly_vae_pipelines.sources.sampling import join_rows, take_rows

N_ROWS = 10_000
"""Rows that are compared: a uniform sample, or all if there are not more."""


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
        self._sample = RowSample(N_ROWS, take_rows, join_rows)

    def add(self, rows: Rows) -> None:
        """Add the next rows."""
        self._sample.add(replace(rows, raw=None, whole=None), len(rows))

    def report(self) -> DriftReport:
        """Return how the sample differs; ``since`` counts all rows."""
        monitor = DriftMonitor(self._reference, self._rate)
        if not self._sample.n_seen:
            return monitor.report()
        rows, positions = self._sample.rows(), self._sample.positions
        X = self._scorer.prepared(rows)
        monitor.add(self._scorer.detector.drift_rows(X, self._reference, rows.numbers))
        report = monitor.report()

        def place(since: int | None) -> int | None:
            return None if since is None else int(positions[since - 1]) + 1

        columns = tuple(replace(column, since=place(column.since)) for column in report.columns)
        score = replace(report.score, since=place(report.score.since))
        return replace(report, since=place(report.since), columns=columns, score=score)

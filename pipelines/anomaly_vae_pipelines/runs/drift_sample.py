"""sample_drift: drift by column in a sample of rows, whose cost does not grow with the number of all rows."""

from __future__ import annotations

from dataclasses import replace

from anomaly_vae.drift import DriftMonitor, DriftReport
from anomaly_vae.drift.reference import Reference
from anomaly_vae_pipelines.runs.scored_sample import Sampled
from anomaly_vae_pipelines.scoring.tables import Scorer


def sample_drift(sampled: Sampled | None, scorer: Scorer, reference: Reference, rate: float) -> DriftReport:
    """Return how sampled rows differ from those of calibration; ``since`` counts all rows.

    Parameters
    ----------
    sampled : Sampled or None
        None without rows.
    scorer : Scorer
    reference : Reference
        The calibration rows of its detector.
    rate : float
        As in ``DriftMonitor``.
    """
    monitor = DriftMonitor(reference, rate)
    if sampled is None:
        return monitor.report()
    X = scorer.prepared(sampled.rows)
    monitor.add(scorer.detector.drift_rows(X, reference, sampled.rows.numbers, sampled.scores))
    report = monitor.report()

    def place(since: int | None) -> int | None:
        return None if since is None else int(sampled.positions[since - 1]) + 1

    columns = tuple(replace(column, since=place(column.since)) for column in report.columns)
    score = replace(report.score, since=place(report.score.since))
    return replace(report, since=place(report.since), columns=columns, score=score)

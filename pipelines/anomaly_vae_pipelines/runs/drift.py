"""Drift: compares the rows of files with those that a model was calibrated on."""

from __future__ import annotations

from collections.abc import Sequence

from anomaly_vae.drift import DriftMonitor, DriftReport
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.tables import one_offset


def drift_files(opened: OpenedModel, sources: Sequence[str], rate: float) -> DriftReport:
    """Compare all rows of files, in their order, with the calibration rows of a model of a table.

    Raises InputError for a model of images or of an earlier release, and as ``ScoreRun`` does.
    """
    adapter = opened.adapter
    if isinstance(adapter, ImageAdapter):
        raise InputError(f"{opened.path}: was fitted on images, and only tables are compared by column")
    one_offset(adapter.detector, f"{opened.path}: drift needs")
    reference = adapter.detector.drift_reference()
    scorer = adapter.scorer(explain="none", reference=reference)
    monitor = DriftMonitor(reference, rate)
    for scored in scored_rows(scorer, adapter.inputs(sources), []):
        if scored.drift is not None:
            monitor.add(scored.drift)
    return monitor.report()

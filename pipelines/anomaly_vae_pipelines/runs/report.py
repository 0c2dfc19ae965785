"""Report: what a model learned, and what it finds in files, as JSON values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from anomaly_vae.errors import InputError
from anomaly_vae.persistence import read_metadata
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.drift_sample import DriftSample
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.report_rows import ReportRows
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter, TableAdapter
from anomaly_vae_pipelines.scoring.model_files import OpenedModel

HISTORY_POINTS = 100
"""Most points of the history of a training that are shown."""

N_COLUMNS = 8
"""Most columns that are shown for each of the worst rows."""

DRIFT_RATE = 0.01
"""The most that the probability of drift in rows like those of calibration may be."""


def report_files(
    opened: OpenedModel, sources: Sequence[str], label: Label | None = None, time: str | None = None
) -> dict[str, Any]:
    """Return the content of a report about a model of a table and the rows of files, which may be none.

    The rows are read once, and memory does not grow with their number. Raises InputError for a model of
    images, and as ``ScoreRun`` does.
    """
    adapter = opened.adapter
    if isinstance(adapter, ImageAdapter):
        raise InputError(f"{opened.path}: was fitted on images, and reports are only of tables")
    content = {"model": _model(opened), "data": None}
    if sources:
        content["data"] = _data(adapter, sources, label, time)
    return content


def _model(opened: OpenedModel) -> dict[str, Any]:
    detector, stated = opened.detector, read_metadata(opened.path)
    metadata = detector.metadata()
    history = getattr(detector, "history_", {}).get("elbo_validation", np.empty(0))
    chosen = np.unique(np.linspace(0, max(len(history) - 1, 0), HISTORY_POINTS).astype(int))
    return {
        "path": opened.path,
        "model_id": opened.model_id,
        "created": stated.get("created"),
        "columns": metadata["schema"],
        "training": metadata["training"],
        "history": [float(history[i]) for i in chosen if len(history) and math.isfinite(history[i])],
        "threshold": {
            **metadata["threshold"],
            "interval": _finite(detector.threshold_interval_),
            "false_alarm_interval": _finite(detector.false_alarm_interval_),
        },
        "provenance": stated.get("provenance", []),
    }


def _data(
    adapter: TableAdapter, sources: Sequence[str], label: Label | None, time: str | None
) -> dict[str, Any]:
    reference, problem = None, None
    try:
        reference = adapter.detector.drift_reference()
    except InputError as error:  # of an earlier release, which kept too little
        problem = str(error)
    scorer = adapter.scorer(expected=True)
    detailed = adapter.scorer(explain="all", expected=True)
    detailed.n_reasons = N_COLUMNS
    rows = ReportRows(
        scorer.offset,
        adapter.detector.calibration_scores_,
        label,
        time,
        explain=lambda row: detailed(row).rows.reasons[0],
    )
    sample = None if reference is None else DriftSample(scorer, reference, DRIFT_RATE)
    for scored in scored_rows(scorer, adapter.inputs(sources), rows.columns):
        rows.observe(scored)
        if sample is not None:
            sample.add(scored.rows)
    rows.stats.warn_of_unseen()
    drift: dict[str, Any] = {"problem": problem}
    if sample is not None:
        report = sample.report()
        drift |= {**asdict(report), "drifted": report.drifted, "moved": list(report.moved)}
    return {"sources": list(sources), **rows.content(), "drift": drift}


def _finite(interval: tuple[float, float] | None) -> list[float | None] | None:
    return None if interval is None else [end if math.isfinite(end) else None for end in interval]

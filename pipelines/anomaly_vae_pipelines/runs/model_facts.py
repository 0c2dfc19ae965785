"""model_facts: what a model file holds and states, as JSON values, for reports and model cards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anomaly_vae.persistence import read_metadata
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.tables import one_offset

HISTORY_POINTS = 100
"""Most points of the history of a training that are shown."""


def model_facts(opened: OpenedModel) -> dict[str, Any]:
    """Return what a model of a table or of images learned, its threshold, and where it comes from.

    "created", "versions", "steps" and "provenance" are statements of the file; loading it verified the rest.
    Raises InputError for a model with a threshold for each key.
    """
    detector, stated = opened.detector, read_metadata(opened.path)
    one_offset(detector, f"{opened.path}: a report or a card needs")
    metadata = detector.metadata()
    history = getattr(detector, "history_", {}).get("elbo_validation", np.empty(0))
    chosen = np.unique(np.linspace(0, max(len(history) - 1, 0), HISTORY_POINTS).astype(int))
    return {
        "path": opened.path,
        "model_id": opened.model_id,
        "kind": metadata["kind"],
        "created": stated.get("created"),
        "versions": stated.get("versions", {}),
        "steps": stated.get("steps", []),
        "columns": metadata["schema"],
        "image": metadata.get("image"),
        "training": metadata["training"],
        "history": [float(history[i]) for i in chosen if len(history) and math.isfinite(history[i])],
        "threshold": {
            **metadata["threshold"],
            "interval": _finite(detector.threshold_interval_),
            "false_alarm_interval": _finite(detector.false_alarm_interval_),
        },
        "verdicts": metadata.get("verdicts"),
        "provenance": stated.get("provenance", []),
    }


def _finite(interval: tuple[float, float] | None) -> list[float | None] | None:
    return None if interval is None else [end if math.isfinite(end) else None for end in interval]

"""write_summary: saves the summary of a scoring run as JSON next to its output."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from anomaly_vae_pipelines.alerting.records import finite
from anomaly_vae_pipelines.io.files import is_special, is_url, replacing
from anomaly_vae_pipelines.records import ScoreSummary


def summary_path(output: str) -> str | None:
    """Return the file of the summary of a run; None if its output is not a regular file."""
    if output == "-" or is_url(output) or is_special(Path(output)):
        return None
    return output + ".summary.json"


def write_summary(summary: ScoreSummary) -> None:
    """Write ``OUTPUT.summary.json``, if the output is a regular file."""
    path = summary_path(summary.output)
    if path is None:
        return
    with replacing(path, force=True) as temporary:
        temporary.write_text(summary_text(summary), encoding="utf-8")


def summary_text(summary: ScoreSummary) -> str:
    """Return a summary as JSON.

    Values without a finite number are null: quantiles without scores, and a threshold that flags no row; and
    the threshold if each key has its own.
    """
    fields = asdict(summary) | {
        "threshold": None if summary.threshold is None else finite(summary.threshold),
        "quantiles": {name: finite(value) for name, value in summary.quantiles.items()},
        "alert_rate": summary.alert_rate,
        "rows_per_second": round(summary.rows_per_second),
    }
    return json.dumps(fields, indent=2) + "\n"

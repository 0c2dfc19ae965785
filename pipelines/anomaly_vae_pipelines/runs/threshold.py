"""Threshold: saves a model with another threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anomaly_vae.persistence import save_threshold
from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.records import Threshold
from anomaly_vae_pipelines.runs.provenance import step
from anomaly_vae_pipelines.scoring.budget import reachable_rate, rows_per_day
from anomaly_vae_pipelines.scoring.model_files import model_id
from anomaly_vae_pipelines.sources import open_source, read_rows
from anomaly_vae_pipelines.sources.selection import require_columns

if TYPE_CHECKING:
    from anomaly_vae.decisions import Decisions


def threshold_file(
    model: str,
    output: str,
    *,
    budget: tuple[float, float] | None = None,
    tail: Tail = "empirical",
    force: bool = False,
    command: str | None = None,
    **threshold: float | None,
) -> Threshold:
    """Save a model with another threshold.

    It is given as in ``TabularVAEDetector.set_threshold``, or as a budget: alerts per day and rows per day.
    ``command`` is the command line, which the model file keeps.
    Raises InputError for a threshold that the model cannot have.
    """

    def change(detector: Decisions) -> None:
        wanted = dict(threshold)
        if budget is not None:
            n_calibration = len(detector.calibration_scores_)
            wanted["false_alarm_rate"] = reachable_rate(*budget, n_calibration, tail)
        detector.set_threshold(**wanted, tail=tail)

    with replacing(output, force=force) as temporary:
        detector = save_threshold(model, temporary, change, step=step(command, parent=model_id(model)))
    return Threshold(**threshold_fields(detector, output))


def threshold_fields(detector: Decisions, path: str) -> dict[str, Any]:
    """Return the fields of ``Threshold`` for a detector that is saved to a path."""
    return {
        "model": path,
        "offset": detector.offset_,
        "false_alarm_rate": detector.false_alarm_rate_,
        "tail": detector.tail_,
        "n_calibration": len(detector.calibration_scores_),
        "threshold_interval": detector.threshold_interval_,
        "false_alarm_interval": detector.false_alarm_interval_,
    }


def rows_per_day_file(source: str, column: str, given: Given | None = None) -> float:
    """Measure the rows per day of a file from a column of times; raises InputError if it cannot."""
    with open_source(source, reading=Reading(given or Given())) as opened:
        require_columns([column], opened)
        return rows_per_day(read_rows(opened, [column]), column)

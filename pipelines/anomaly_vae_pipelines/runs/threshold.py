"""Threshold: saves a model with another threshold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.provenance import extended
from anomaly_vae.persistence import load_with_dialect, read_metadata, save, save_threshold
from anomaly_vae.tails import Tail
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.records import Threshold
from anomaly_vae_pipelines.runs.learn import with_detector
from anomaly_vae_pipelines.runs.provenance import data_of, digest_of, step
from anomaly_vae_pipelines.scoring.adapters import ImageAdapter, adapter_of
from anomaly_vae_pipelines.scoring.budget import reachable_rate, rows_per_day
from anomaly_vae_pipelines.scoring.model_files import model_id
from anomaly_vae_pipelines.scoring.tables import Scorer, has_keys, one_offset
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
    change = partial(_set, threshold, budget, tail)
    with replacing(output, force=force) as temporary:
        detector = save_threshold(
            model, temporary, change, step=step("threshold", command, parent=model_id(model))
        )
    return Threshold(**threshold_fields(detector, output))


def recalibrate_file(
    model: str,
    source: str,
    output: str,
    *,
    budget: tuple[float, float] | None = None,
    tail: Tail = "empirical",
    given: Given | None = None,
    force: bool = False,
    command: str | None = None,
    **threshold: float | None,
) -> Threshold:
    """Save a model with thresholds and p-values from the rows of a file, as ``recalibrate`` of a detector.

    Without a threshold or a budget, the threshold follows the same rule as before. The other parameters are
    those of ``threshold_file``.

    Raises
    ------
    InputError
        For a model of images, rows that cannot be read, and a threshold that the model cannot have.
    """
    check_no_overwriting({"-o": output}, [source])
    with replacing(output, force=force) as temporary:
        parent, digest = model_id(model), digest_of([source])
        fitted, dialect = load_with_dialect(model)
        adapter = adapter_of(fitted, dialect, given or Given())
        if isinstance(adapter, ImageAdapter):
            raise InputError(f"{model}: is a model of images, and only models of tables are recalibrated")
        one_offset(adapter.detector, f"{model}: recalibration needs")
        scorer = adapter.scorer(explain="none")
        rows = _prepared(scorer, source, adapter.reading)
        detector = scorer.detector.recalibrate(rows)
        if budget is not None or threshold:
            _set(threshold, budget, tail, detector)
        data = data_of(source, digest, len(rows), len(scorer.names))
        steps = extended(read_metadata(model), step("threshold", command, data=data, parent=parent))
        save(with_detector(scorer.model, detector), temporary, dialect=dialect, provenance=steps)
    return Threshold(**threshold_fields(detector, output))


def _set(
    threshold: Mapping[str, float | None],
    budget: tuple[float, float] | None,
    tail: Tail,
    detector: Decisions,
) -> None:
    wanted = dict(threshold)
    if budget is not None:
        one_offset(detector, "a budget of alerts needs")
        wanted["false_alarm_rate"] = reachable_rate(*budget, len(detector.calibration_scores_), tail)
    detector.set_threshold(**wanted, tail=tail)


def _prepared(scorer: Scorer, source: str, reading: Reading) -> Any:
    """The rows of a file as the detector takes them: a frame or an array."""
    with open_source(source, reading=reading) as opened:
        require_columns(scorer.names, opened, ", which the model was fitted on")
        pieces = read_rows(opened, scorer.names, scorer.numeric)
        tables = [scorer.prepared(piece) for piece in pieces if len(piece)]
    if not tables:
        raise InputError(f"{source}: has no rows; give recent rows that are normal")
    if len(tables) == 1:
        return tables[0]
    if not hasattr(tables[0], "iloc"):
        return np.concatenate(tables)
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def threshold_fields(detector: Any, path: str) -> dict[str, Any]:
    """Return the fields of ``Threshold`` for a detector that is saved to a path."""
    if has_keys(detector):
        return {
            "model": path,
            "offset": None,
            "false_alarm_rate": None,
            "tail": None,
            "n_calibration": len(detector.all_calibration_scores()),
            "threshold_interval": None,
            "false_alarm_interval": None,
            "n_keys": len(detector.keys_),
        }
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

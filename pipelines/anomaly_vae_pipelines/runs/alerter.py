"""The rules, sinks and state of a run that raises alerts, and what they know of its model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alerter, load_alerter
from anomaly_vae_pipelines.io.files import expand_folders
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.tables import has_keys, reference_maker


def calibration_of(detector: Any) -> dict[str, Any]:
    """Return what rules know of a detector, as arguments of ``load_alerter``."""
    if has_keys(detector):
        return {"n_of_key": max([len(detector.calibration_scores_), *detector.n_calibration_.tolist()])}
    return {
        "calibration_scores": detector.calibration_scores_,
        "offset": detector.offset_,
        "calibration_rows": reference_maker(detector),
    }


def alerter_of_run(
    opened: OpenedModel,
    rules: str,
    inputs: Sequence[str],
    output: str,
    *,
    state: str,
    offset: float | None = None,
    ids: Sequence[str] = (),
) -> Alerter:
    """Load the alerter of a run; the caller has to release it.

    Parameters
    ----------
    opened : OpenedModel
    rules, state : str
        The TOML file of rules and sinks, and the file that stores cool-downs between runs.
    inputs, output
        As in ``ScoreRun``.
    offset : float, optional
        Replaces the threshold of the model, in nats.
    ids : sequence of str
        Columns that identify a row in alerts.

    Raises
    ------
    InputError
        For rules that are not valid, and if two files of the run are the same.
    """
    outputs = {"-o": output, "--alert-state": state}
    read = [opened.path, rules, *expand_folders(inputs)]
    check_no_overwriting(outputs, read)
    known = calibration_of(opened.detector)
    if offset is not None:  # an infinite one flags no row: there is no threshold to check rules against
        known["offset"] = offset if math.isfinite(offset) else None
    alerter = load_alerter(rules, state=Path(state), ids=tuple(ids), **known)
    try:
        check_no_overwriting(outputs | alerter.files, read)
        if alerter.prints and output == "-":
            raise InputError(
                f"{rules}: a sink and -o - both write to standard output; use a file for one of them"
            )
    except InputError:
        alerter.release()
        raise
    return alerter

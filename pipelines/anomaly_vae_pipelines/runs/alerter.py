"""alerter_of_run: loads the rules, sinks and state of a scoring run that raises alerts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alerter, load_alerter
from anomaly_vae_pipelines.io.files import expand_folders
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.tables import reference_maker


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
    threshold = opened.detector.offset_ if offset is None else offset
    alerter = load_alerter(
        rules,
        state=Path(state),
        calibration_scores=opened.detector.calibration_scores_,
        # An infinite offset flags no row: there is no threshold to check rules against.
        offset=threshold if offset is None or math.isfinite(threshold) else None,
        calibration_rows=reference_maker(opened.detector),
        ids=tuple(ids),
    )
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

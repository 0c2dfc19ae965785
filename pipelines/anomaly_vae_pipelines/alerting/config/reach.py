"""Checks that a rule can fire for a model; otherwise its silence would look like good news.

Messages say what the model can show, and how to change the rule or the model.
"""

from __future__ import annotations

import math

from anomaly_vae.errors import InputError
from anomaly_vae.tails import LEAST_CALIBRATION
from anomaly_vae.thresholds import n_calibration_needed, rounded_up
from anomaly_vae_pipelines.alerting.rules.discovery_rules import last_possible
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.levels import METHODS
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores, Limit
from anomaly_vae_pipelines.alerting.rules.silence import FORGET_AFTER
from anomaly_vae_pipelines.alerting.rules.windows import Window
from anomaly_vae_pipelines.alerting.times import duration_text

MIN_STREAM = 1_000
"""Rows without a discovery after which a row must still be able to be one."""


def check_limit(limit: Limit) -> None:
    """Raise InputError if no row can count."""
    if limit.below == -math.inf:
        raise _never("no score is below -inf", "Give a number of nats")
    if limit.p_value is not None:
        check_positive(limit.p_value)
        if limit.tail is None:
            check_p_value(limit.p_value, limit.calibration)
    elif limit.below is None and limit.calibration.offset == -math.inf:
        raise _never("the threshold of the model flags no row", "Give below or p_value")


def check_positive(p_value: float) -> None:
    """Raise InputError for a p-value of 0."""
    if p_value == 0:
        raise _never("p_value = 0 is less than any p-value", "Give a p_value above 0")


def check_p_value(p_value: float, calibration: CalibrationScores) -> None:
    """Raise InputError if no row can have such a small p-value."""
    least = calibration.least_p_value
    if least is None or p_value >= least:
        return
    n_rows, needed = calibration.n_rows, n_calibration_needed(p_value)
    tail = 'tail = "gpd" to estimate smaller p-values'
    if n_rows < LEAST_CALIBRATION:
        tail += f" (needs at least {LEAST_CALIBRATION} held-out rows)"
    raise _never(
        f"with the {n_rows:,} held-out rows of the model no p-value is less than {least:.3g}, "
        f"and p_value = {p_value:g}",
        f"Give p_value = {rounded_up(least):g} or more, a model with {needed:,} held-out rows (fit on more "
        f"rows, or with a higher validation_fraction), or {tail}",
    )


def check_discoveries(method: str, rate: float, calibration: CalibrationScores) -> None:
    """Raise InputError if soon no row can be a discovery, because no p-value is small enough."""
    least = calibration.least_p_value
    last = MIN_STREAM if least is None else last_possible(METHODS[method], rate, least)
    if last < MIN_STREAM:
        raise InputError(
            f"fires no longer after {last:,} rows without a discovery, because with {calibration.n_rows:,} "
            f"held-out rows no p-value is less than {least:.3g}. Give tail = 'gpd', which estimates smaller "
            f"p-values (needs at least {LEAST_CALIBRATION} held-out rows)"
        )


def check_drift(p_value: float, reference: Reference, window: Window) -> None:
    """Raise InputError if no window can have such a small p-value."""
    check_positive(p_value)
    least = 0.0 if window.rows is None else reference.least_p_value(window.rows)
    if p_value < least:
        needed = reference.rows_needed(p_value)
        longer = "" if needed is None else f"a window of {needed:,} rows or more, "
        raise _never(
            f"a window of {window.rows:,} rows against {reference.n_rows:,} held-out rows has no p-value "
            f"less than {least:.3g}, and p_value = {p_value:g}",
            f"Give p_value = {rounded_up(least):g} or more, {longer}or a model with more held-out rows",
        )


def check_silence(after: float, key: tuple[str, ...]) -> None:
    """Raise InputError if a value of the key is forgotten before it counts as silent."""
    longest = duration_text(FORGET_AFTER)
    if key and after >= FORGET_AFTER:
        raise _never(
            f"a value of the key is forgotten after {longest}, and after = {duration_text(after)!r}",
            f"Give less than {longest}, or key = []",
        )


def _never(why: str, ways_out: str) -> InputError:
    return InputError(f"can never fire, because {why}. {ways_out}")

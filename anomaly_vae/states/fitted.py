"""Checks of the fitted attributes of a detector."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

import numpy as np

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states.checks import (
    check_array,
    check_dict,
    check_keys,
    check_nats,
    check_number,
    check_whole,
)
from anomaly_vae.tails import Tail

STORED_NAMES = {"typical_contributions_": "typical_parts_"}
"""Attributes that model files store under their first name."""

OUTPUT = "_sklearn_output_config"
"""Attribute in which scikit-learn keeps the setting of ``set_output``, if there is one."""

_FITTED = {
    "model_", "latent_dim_", "history_", "training_", "calibration_scores_", "typical_parts_",
    "offset_", "false_alarm_rate_", "tail_", "n_features_in_", "feature_names_in_",
}  # fmt: skip
"""Fitted attributes of every detector, under the names that model files give them."""


def check_history(history: Any) -> None:
    """Raise ModelFileError unless a history is a dict of numeric arrays of equal length."""
    check_dict("history_", history)
    lengths = {np.shape(values)[:1] for values in history.values()}
    if len(lengths) > 1:
        raise ModelFileError("'history_' should hold arrays of one length; fit and save the model again")
    for name, values in history.items():
        check_array(f"history_.{name}"[:50], values, np.shape(values)[:1], allow_nan=True)


def check_training(training: Any) -> None:
    """Raise ModelFileError unless the summary of a training is a dict of finite numbers."""
    check_dict("training_", training)
    for name, value in training.items():
        check_number(f"training_.{name}"[:50], value)


def check_names(state: Mapping[str, Any], wanted: Sequence[str] | int) -> None:
    """Raise ModelFileError unless the column names, if there are any, match these names or their number."""
    if "feature_names_in_" not in state:
        return
    names = state["feature_names_in_"]
    if (
        not isinstance(names, np.ndarray)
        or names.ndim != 1
        or not all(isinstance(name, str) for name in names)
    ):
        raise ModelFileError("'feature_names_in_' should be an array of texts; fit and save the model again")
    if len(names) != wanted if isinstance(wanted, int) else list(names) != list(wanted):
        raise ModelFileError("'feature_names_in_' contradicts the columns; fit and save the model again")


def with_tail(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state with the basis of its false-alarm rate; in the first model files every rate is guaranteed."""
    basis = None if state.get("false_alarm_rate_") is None else "empirical"
    return {"tail_": basis, **state}


def check_calibration(scores: Any) -> None:
    """Raise ModelFileError unless the calibration scores are one or more ascending floats in nats."""
    check_nats("calibration_scores_", scores, np.shape(scores)[:1])
    if scores.dtype.kind != "f" or not len(scores) or (np.diff(scores) < 0).any():
        raise ModelFileError("'calibration_scores_' should hold ascending scores; fit the model again")


def check_fitted(
    state: Mapping[str, Any],
    params: set[str],
    names: Sequence[str] | int,
    n_contributions: int,
    latent_dim: int,
    more: Collection[str] = (),
) -> None:
    """Raise ModelFileError unless the state of a fitted detector is complete and consistent.

    Parameters
    ----------
    state : mapping
        Attributes by name, ``model_`` already loaded.
    params : set of str
        Names of the detector's parameters.
    names : sequence of str or int
        Names of the columns of the model, or only their number.
    n_contributions, latent_dim : int
        Contributions per row, and width of the latent space, of the model.
    more : collection of str
        Fitted attributes that only this kind of detector has.
    """
    check_keys("detector", {"feature_names_in_": None} | dict(state), params | _FITTED | set(more))
    check_nats("typical_parts_", state["typical_parts_"], (n_contributions,))
    check_history(state["history_"])
    check_training(state["training_"])
    check_names(state, names)
    check_calibration(state["calibration_scores_"])
    n_features = names if isinstance(names, int) else len(names)
    for name, wanted in (("n_features_in_", n_features), ("latent_dim_", latent_dim)):
        if check_whole(name, state[name], 1) != wanted:
            raise ModelFileError(f"{name!r} contradicts the model; fit and save the model again")
    check_threshold(state)
    if OUTPUT in state:
        _check_output(state[OUTPUT])


def _check_output(setting: Any) -> None:
    """Raise ModelFileError unless a setting names a container of ``set_output``."""
    known = ("default", "pandas", "polars")
    check_keys(OUTPUT, setting, {"transform"})
    if not isinstance(setting["transform"], str) or setting["transform"] not in known:
        raise ModelFileError(f"{OUTPUT!r} should be one of {known}; fit and save the model again")


def check_threshold(state: Mapping[str, Any]) -> None:
    """Raise ModelFileError unless a threshold is a number, and its rate, if any, has a known basis."""
    check_number("offset_", state["offset_"])
    rate = state["false_alarm_rate_"]
    check_number("false_alarm_rate_", rate, optional=True)
    if rate is not None and not 0.0 < rate < 1.0:
        raise ModelFileError(f"'false_alarm_rate_' should be between 0 and 1, got {rate!r}")
    known = (None,) if state["false_alarm_rate_"] is None else get_args(Tail)
    if state["tail_"] not in known:
        raise ModelFileError(f"'tail_' should be one of {known}, got {repr(state['tail_'])[:50]}")

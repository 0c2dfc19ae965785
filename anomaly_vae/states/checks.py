"""Encoders and networks from plain dictionaries and arrays, with checks.

A state holds the weights of a torch module, not the module. Weights are rejected unless they are finite and
have the shapes of the architecture.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.errors import ModelFileError
from anomaly_vae.nn.histogram import MAX_BREAKS, ColumnHistogram
from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.vae import VAE
from anomaly_vae.schema import Schema
from anomaly_vae.tails import Tail

_MOST_LAYERS = 64
_MOST_NATS = 1e15
_MOST_NOISE = 1e6
_MOST_WEIGHT = 1e12
_MOST_DEGREES = 1_000

_FITTED = {
    "model_", "latent_dim_", "history_", "training_", "calibration_scores_", "typical_parts_",
    "offset_", "false_alarm_rate_", "tail_", "n_features_in_", "feature_names_in_",
}  # fmt: skip
"""Fitted attributes of every detector, under the names that model files give them."""

DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, OverflowError)


@dataclass(frozen=True)
class Numbers:
    """Cells that are all numeric."""

    n_numeric: int
    category_widths: tuple[int, ...] = ()


Cells = Schema | Numbers
"""The cells that a network models."""


@dataclass(frozen=True)
class Architecture:
    """The settings from which, with the cells, a network is built.

    Attributes
    ----------
    latent_dim : int
    hidden_sizes : tuple of int
    noise_floor : float
        In scales of a column.
    n_rows : int
        Rows trained on.
    degrees_of_freedom : float
        Of the noise of numbers; infinite is Gaussian.
    n_exemplars : int
        Components of the prior; with 0 the prior is N(0, I).
    n_breaks : int
        Breaks per column of a histogram of independent columns; with 0 the module is a network.
    """

    latent_dim: int
    hidden_sizes: tuple[int, ...]
    noise_floor: float
    n_rows: int
    degrees_of_freedom: float = math.inf
    n_exemplars: int = 0
    n_breaks: int = 0

    def build(self, cells: Cells) -> VAE | ColumnHistogram:
        """A module whose weights are not set yet."""
        return self.build_histogram(cells) if self.n_breaks else self.build_vae(cells)

    def build_vae(self, cells: Cells) -> VAE:
        """A VAE whose weights are not set yet."""
        return VAE(self._likelihood(cells), self.latent_dim, self.hidden_sizes, self.n_exemplars)

    def build_histogram(self, cells: Cells) -> ColumnHistogram:
        """A histogram whose densities are not set yet."""
        return ColumnHistogram(self._likelihood(cells), self.n_breaks)

    def _likelihood(self, cells: Cells) -> TableLikelihood:
        return TableLikelihood(
            cells.n_numeric, cells.category_widths, self.noise_floor, self.n_rows, self.degrees_of_freedom
        )


def module_state(module: VAE | ColumnHistogram) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as copies."""
    return {name: weight.detach().cpu().numpy().copy() for name, weight in module.state_dict().items()}


def load_architecture(state: Any) -> Architecture:
    """The architecture with this state; the first model files lack what came later."""
    check_dict("architecture", state)
    state = {"degrees_of_freedom": math.inf, "n_exemplars": 0, "n_breaks": 0, **state}
    check_keys("architecture", state, {field.name for field in fields(Architecture)})
    sizes = state["hidden_sizes"]
    if not isinstance(sizes, list | tuple) or len(sizes) > _MOST_LAYERS:
        raise ModelFileError(f"'hidden_sizes' should be a tuple of at most {_MOST_LAYERS} whole numbers")
    return Architecture(
        latent_dim=check_whole("latent_dim", state["latent_dim"], 1),
        hidden_sizes=tuple(check_whole("hidden_sizes", size, 1) for size in sizes),
        noise_floor=_positive("noise_floor", state["noise_floor"]),
        n_rows=check_whole("n_rows", state["n_rows"], 1),
        degrees_of_freedom=_degrees_of_freedom(state["degrees_of_freedom"]),
        n_exemplars=check_whole("n_exemplars", state["n_exemplars"], 0),
        n_breaks=check_whole("n_breaks", state["n_breaks"], 0, MAX_BREAKS),
    )


def _positive(name: str, value: Any) -> float:
    check_number(name, value)
    if not 0 < value <= _MOST_NOISE:
        raise ModelFileError(f"{name!r} should be from 0 to {_MOST_NOISE:g}, got {value!r}")
    return float(value)


def _degrees_of_freedom(value: Any) -> float:
    """Infinite, or a whole number: sampling sums that many squares."""
    if isinstance(value, float) and value == math.inf:
        return value
    check_number("degrees_of_freedom", value)
    if value != int(value) or not 1 <= value <= _MOST_DEGREES:
        raise ModelFileError(
            f"'degrees_of_freedom' should be a whole number from 1 or infinite, got {value!r}"
        )
    return float(value)


def load_encoder(state: Mapping[str, Any]) -> TableEncoder:
    """The encoder with this state; its arrays are checked against its columns."""
    try:
        encoder = TableEncoder.from_state(state)
    except DAMAGE as error:
        raise _damaged("table encoder", error) from None
    for name, values in encoder.numeric.get_state().items():
        check_array(f"numeric.{name}", values, (encoder.schema.n_numeric,), allow_nan=name == "unit")
    widths, numeric, categories = encoder.schema.category_widths, encoder.numeric, encoder.categories
    check_array("categories.frequencies", categories.frequencies, (sum(widths),))
    if categories.frequencies.dtype.kind != "f":
        raise ModelFileError("'categories.frequencies' should hold shares; fit and save the model again")
    shares = (categories.frequencies >= 0) & (categories.frequencies <= 1)
    units = (numeric.unit > 0) | np.isnan(numeric.unit)
    ranges = numeric.low <= numeric.high
    if widths != categories.widths or not all(
        values.all() for values in (numeric.scale > 0, shares, units, ranges)
    ):
        raise ModelFileError("the table encoder contradicts its own columns; fit and save the model again")
    return encoder


def load_module(state: Mapping[str, Any], architecture: Architecture, cells: Cells) -> VAE | ColumnHistogram:
    """The module with this state, on the CPU; weights are checked before memory is allocated."""
    try:
        with torch.device("meta"):
            module = architecture.build(cells)
    except DAMAGE as error:
        raise _damaged("architecture", error) from None
    expected = module.state_dict()
    check_keys("weights", state, set(expected))
    for name, weight in expected.items():
        check_array(name, state[name], tuple(weight.shape))
    weights = {name: torch.tensor(check_single(name, values)) for name, values in state.items()}
    module.load_state_dict(weights, assign=True)
    if isinstance(module, ColumnHistogram):
        positive, ordered = module.scale > 0, bool((module.breaks.diff(dim=1) >= 0).all())
        name = "scale"
    else:
        prior, ordered, name = module.prior, True, "prior.variance"
        positive = prior.variance > 0 if isinstance(prior, ExemplarPrior) else torch.tensor(True)
    if not positive.all():
        raise ModelFileError(f"{name!r} should be positive; fit and save the model again")
    if not ordered:
        raise ModelFileError("'breaks' should be ascending; fit and save the model again")
    return module


def check_dict(name: str, state: Any) -> None:
    """Raise ModelFileError unless the state is a dict."""
    if not isinstance(state, Mapping):
        raise ModelFileError(f"{name!r} should be a dict, got {type(state).__name__}")


def check_dicts(name: str, states: Any) -> list[dict[str, Any]]:
    """The states; raises ModelFileError unless they are a non-empty list of dicts."""
    if not isinstance(states, list) or not states or not all(isinstance(state, dict) for state in states):
        raise ModelFileError(f"{name!r} is not a list of dicts; fit and save the model again")
    return states


def check_keys(name: str, state: Any, wanted: set[str]) -> None:
    """Raise ModelFileError unless the state is a dict with these keys and no others."""
    check_dict(name, state)
    wrong = sorted(wanted ^ set(state))
    if wrong:
        what = "is missing" if wrong[0] in wanted else "is unknown"
        raise ModelFileError(f"{wrong[0]!r} of {name!r} {what}; fit and save the model again")


def check_array(name: str, values: Any, shape: tuple[int, ...], *, allow_nan: bool = False) -> None:
    """Raise ModelFileError unless ``values`` is an array of numbers of that shape, all finite."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub" or values.shape != shape:
        got = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise ModelFileError(f"{name!r} should be an array of numbers of shape {shape}, got {got}")
    finite = ~np.isinf(values) if allow_nan else np.isfinite(values)
    if not finite.all():
        raise ModelFileError(f"{name!r} holds {int((~finite).sum())} values that are not finite numbers")


def check_nats(name: str, values: Any, shape: tuple[int, ...]) -> None:
    """Raise ModelFileError unless ``values`` is an array of numbers of that shape that can be nats."""
    check_array(name, values, shape)
    if values.size and np.abs(values).max() > _MOST_NATS:
        raise ModelFileError(
            f"{name!r} holds values beyond {_MOST_NATS:g} nats; fit and save the model again"
        )


def check_single(name: str, values: NDArray[Any]) -> NDArray[np.float32]:
    """The values in single precision; raises ModelFileError if one is beyond ``_MOST_WEIGHT``."""
    with np.errstate(over="ignore"):
        single = np.asarray(values, dtype=np.float32)
    if not (np.abs(single) <= _MOST_WEIGHT).all():
        raise ModelFileError(f"{name!r} holds values beyond {_MOST_WEIGHT:g}; fit and save the model again")
    return single


def check_whole(name: str, value: Any, least: int, most: int = 2**31) -> int:
    """The value as an int; raises ModelFileError unless it is a whole number within the bounds."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= most:
        raise ModelFileError(f"{name!r} should be a whole number from {least}, got {repr(value)[:50]}")
    return int(value)


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


def check_number(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise ModelFileError unless ``value`` is a finite number (or None, where that is allowed)."""
    if optional and value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
        raise ModelFileError(f"{name!r} should be a finite number, got {repr(value)[:50]}")


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


def _damaged(what: str, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"the {what} of the model is damaged ({error!r:.120}); fit and save the model again"
    )

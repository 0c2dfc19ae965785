"""Checked ways back from plain dictionaries and arrays to encoders and networks.

The torch module never enters a state: its weights do, and are refused unless each has the shape
that the architecture asks for and is finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.errors import ModelFileError
from anomaly_vae.nn.likelihoods import TableLikelihood
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.vae import VAE
from anomaly_vae.tails import Tail

_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, OverflowError)


class Cells(Protocol):
    """What a network is built for: a Schema, or plain Numbers."""

    @property
    def n_numeric(self) -> int:
        """Numbers, which come first."""

    @property
    def category_widths(self) -> tuple[int, ...]:
        """Widths of the one-hot spans that follow."""


@dataclass(frozen=True)
class Numbers:
    """Cells that are numbers only."""

    n_numeric: int
    category_widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """What it takes, beside the weights and the schema, to build a network.

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
        Components of the prior; without any it is N(0, I).
    """

    latent_dim: int
    hidden_sizes: tuple[int, ...]
    noise_floor: float
    n_rows: int
    degrees_of_freedom: float = math.inf
    n_exemplars: int = 0

    def build(self, cells: Cells) -> VAE:
        """A network whose weights are not set yet."""
        likelihood = TableLikelihood(
            cells.n_numeric, cells.category_widths, self.noise_floor, self.n_rows, self.degrees_of_freedom
        )
        return VAE(likelihood, self.latent_dim, self.hidden_sizes, self.n_exemplars)


def module_state(module: VAE) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as arrays of their own."""
    return {name: weight.detach().cpu().numpy().copy() for name, weight in module.state_dict().items()}


def load_architecture(state: Mapping[str, Any]) -> Architecture:
    """The architecture of a state; the first files had Gaussian noise and no exemplars."""
    state = {"degrees_of_freedom": math.inf, "n_exemplars": 0, **state}
    try:
        architecture = Architecture(
            int(state["latent_dim"]),
            tuple(int(size) for size in state["hidden_sizes"]),
            float(state["noise_floor"]),
            int(state["n_rows"]),
            float(state["degrees_of_freedom"]),
            int(state["n_exemplars"]),
        )
    except _DAMAGE as error:
        raise _damaged("architecture", error) from None
    if not architecture.degrees_of_freedom >= 1.0 or architecture.n_exemplars < 0:
        raise ModelFileError("the architecture of the model is out of range; fit and save the model again")
    return architecture


def load_encoder(state: Mapping[str, Any]) -> TableEncoder:
    """The encoder of a state, its arrays checked against its columns."""
    try:
        encoder = TableEncoder.from_state(state)
    except _DAMAGE as error:
        raise _damaged("table encoder", error) from None
    for name, values in encoder.numeric.get_state().items():
        check_array(f"numeric.{name}", values, (encoder.schema.n_numeric,), allow_nan=name == "unit")
    widths = encoder.schema.category_widths
    check_array("categories.frequencies", encoder.categories.frequencies, (sum(widths),))
    if widths != encoder.categories.widths or not (encoder.numeric.scale > 0).all():
        raise ModelFileError("the table encoder contradicts its own columns; fit and save the model again")
    return encoder


def load_module(state: Mapping[str, Any], architecture: Architecture, cells: Cells) -> VAE:
    """The network of a state, on the CPU; each weight is checked before memory is taken for it."""
    try:
        with torch.device("meta"):
            module = architecture.build(cells)
    except _DAMAGE as error:
        raise _damaged("architecture", error) from None
    expected = module.state_dict()
    check_keys("weights", state, set(expected))
    for name, weight in expected.items():
        check_array(name, state[name], tuple(weight.shape))
    weights = {name: torch.tensor(np.asarray(values, dtype=np.float32)) for name, values in state.items()}
    module.load_state_dict(weights, assign=True)
    if isinstance(module.prior, ExemplarPrior) and not (module.prior.variance > 0).all():
        raise ModelFileError("'prior.variance' should be positive; fit and save the model again")
    return module


def check_keys(name: str, state: Mapping[str, Any], wanted: set[str]) -> None:
    """Raise ModelFileError unless the state has these keys and no others."""
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


def check_number(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise ModelFileError unless ``value`` is a finite number (or None, where that is allowed)."""
    if optional and value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
        raise ModelFileError(f"{name!r} should be a finite number, got {repr(value)[:50]}")


def with_tail(state: Mapping[str, Any]) -> dict[str, Any]:
    """A detector's state that says what its false-alarm rate rests on; the first files had promises only."""
    promised = None if state.get("false_alarm_rate_") is None else "empirical"
    return {"tail_": promised, **state}


def check_threshold(state: Mapping[str, Any]) -> None:
    """Raise ModelFileError unless a threshold is a number, and its rate, if it has one, rests on a tail."""
    check_number("offset_", state["offset_"])
    check_number("false_alarm_rate_", state["false_alarm_rate_"], optional=True)
    known = (None,) if state["false_alarm_rate_"] is None else get_args(Tail)
    if state["tail_"] not in known:
        raise ModelFileError(f"'tail_' should be one of {known}, got {repr(state['tail_'])[:50]}")


def _damaged(what: str, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"the {what} of the model is damaged ({error!r:.120}); fit and save the model again"
    )

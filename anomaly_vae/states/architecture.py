"""Architecture and MemberState: a member of a model as plain settings and arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.schema import Schema
from anomaly_vae.states.checks import (
    check_array,
    check_dict,
    check_keys,
    check_number,
    check_single,
    check_whole,
)

LOG_VARIANCE_RANGE = (-14.0, 6.0)
"""Log variances of latents are clipped to this range."""

FAR_BREAK = 1e6
"""Fills the unused breaks of a histogram; no cell of a table is that large."""

MAX_BREAKS = 200
"""Most breaks of a column of a histogram."""

_MOST_LAYERS = 64
_MOST_NOISE = 1e6
_MOST_DEGREES = 1_000
_MOST_DRAW = 10.0
"""The first model files hold standard normal draws instead of signs; this bounds their size."""


@dataclass(frozen=True)
class Numbers:
    """Cells that are all numeric."""

    n_numeric: int
    category_widths: tuple[int, ...] = ()


Cells = Schema | Numbers
"""The cells that a member models."""


@dataclass(frozen=True)
class Architecture:
    """The settings from which, with the cells, a member is built.

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
        Breaks per column of a histogram of independent columns; with 0 the member is a network.
    """

    latent_dim: int
    hidden_sizes: tuple[int, ...]
    noise_floor: float
    n_rows: int
    degrees_of_freedom: float = math.inf
    n_exemplars: int = 0
    n_breaks: int = 0

    def weight_shapes(self, cells: Cells) -> dict[str, tuple[int, ...]]:
        """The shape of each array of weights, by name."""
        n, n_onehot = cells.n_numeric, sum(cells.category_widths)
        shapes: dict[str, tuple[int, ...]] = {
            "likelihood.log_noise": (n,),
            "likelihood.absent_log_prob": (n + len(cells.category_widths),),
            "likelihood.frequencies": (n_onehot,),
        }
        if self.n_breaks:
            return shapes | {
                "breaks": (n, self.n_breaks),
                "log_density": (n, self.n_breaks + 1),
                "location": (n,),
                "scale": (n,),
            }
        if self.n_exemplars:
            shapes["prior.exemplars"] = (self.n_exemplars, self.latent_dim)
            shapes["prior.variance"] = (self.latent_dim,)
        width, hidden = n + n_onehot, self.hidden_sizes
        shapes |= _residual_shapes("encoder", (width, *hidden, 2 * self.latent_dim))
        return shapes | _residual_shapes("decoder", (self.latent_dim, *reversed(hidden), width))


def _residual_shapes(name: str, sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The shapes of a ``ResidualMLP``; two sizes have no hidden layer."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.weight": (sizes[0], sizes[-1]),
        f"{name}.bias": (sizes[-1],),
    }
    if len(sizes) == 2:
        return shapes
    for i, (before, after) in enumerate(pairwise(sizes)):
        shapes[f"{name}.residual.{2 * i}.weight"] = (after, before)
        shapes[f"{name}.residual.{2 * i}.bias"] = (after,)
    return shapes


@dataclass(frozen=True)
class MemberState:
    """A member of a model: its settings and weights.

    Attributes
    ----------
    architecture : Architecture
    weights : mapping of str to array
        32-bit floats, with the shapes of ``architecture.weight_shapes``.
    draw : array of shape (latent_dim,)
        The signs (+1 or -1) that, with their negatives, are the noise of every row at scoring.
    weight : float
        Weight of its bound in the score; the weights of all members sum to one.
    """

    architecture: Architecture
    weights: Mapping[str, NDArray[np.float32]]
    draw: NDArray[np.float32]
    weight: float = 1.0

    def get_state(self) -> dict[str, Any]:
        """The member as plain dictionaries, numbers and arrays."""
        return {
            "architecture": dict(vars(self.architecture)),
            "weights": dict(self.weights),
            "draw": self.draw,
            "weight": self.weight,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], cells: Cells) -> MemberState:
        """The member with this state; raises ModelFileError if its parts are inconsistent."""
        check_keys("members", state, {"architecture", "weights", "draw", "weight"})
        check_number("weight", state["weight"])
        if not 0.0 < state["weight"] <= 1.0:
            raise ModelFileError(f"'weight' should be in (0, 1], got {state['weight']!r}")
        architecture = load_architecture(state["architecture"])
        weights = _load_weights(state["weights"], architecture, cells)
        check_array("draw", state["draw"], (architecture.latent_dim,))
        draw = np.asarray(state["draw"], dtype=np.float32)
        if not (np.abs(draw) <= _MOST_DRAW).all():
            raise ModelFileError("'draw' should hold signs, +1 or -1; fit and save the model again")
        return cls(architecture, weights, draw, float(state["weight"]))


def _load_weights(state: Any, architecture: Architecture, cells: Cells) -> dict[str, NDArray[np.float32]]:
    """The weights, checked against their shapes."""
    shapes = architecture.weight_shapes(cells)
    check_keys("weights", state, set(shapes))
    for name, shape in shapes.items():
        check_array(name, state[name], shape)
    weights = {name: check_single(name, state[name]) for name in shapes}
    name = "scale" if architecture.n_breaks else "prior.variance"
    if name in weights and not (weights[name] > 0).all():
        raise ModelFileError(f"{name!r} should be positive; fit and save the model again")
    if architecture.n_breaks and not (np.diff(weights["breaks"], axis=1) >= 0).all():
        raise ModelFileError("'breaks' should be ascending; fit and save the model again")
    return weights


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

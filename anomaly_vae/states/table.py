"""TableState: a fitted model of a table as an encoder and the weights of its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.errors import ModelFileError
from anomaly_vae.schema import Schema
from anomaly_vae.states.architecture import MemberState
from anomaly_vae.states.checks import DAMAGE, check_array, check_dicts, check_keys, damaged

_MOST_MODELS = 100


@dataclass(frozen=True)
class TableState:
    """The encoder and the members of a model, without anything that can be computed from them.

    Attributes
    ----------
    encoder : TableEncoder
    ensembles : tuple of tuples of MemberState
        The score is the largest of the bounds of the ensembles.
    divide_all : bool
        Whether contributions divide the distance from the centre of every prior among the numbers; earlier
        model files divide only that from exemplars.
    """

    encoder: TableEncoder
    ensembles: tuple[tuple[MemberState, ...], ...]
    divide_all: bool = True

    @property
    def schema(self) -> Schema:
        """The columns and their cells."""
        return self.encoder.schema

    def get_state(self) -> dict[str, Any]:
        """The model as plain dictionaries, lists, numbers and arrays."""
        ensembles = [[member.get_state() for member in ensemble] for ensemble in self.ensembles]
        if not self.divide_all:
            return {"encoder": self.encoder.get_state(), "members": ensembles[0]}
        return {"encoder": self.encoder.get_state(), "ensembles": ensembles}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableState:
        """The model with this state; raises ModelFileError if its parts are inconsistent."""
        is_earlier = "members" in state
        if is_earlier:
            state = {name: value for name, value in state.items() if name != "members"} | {
                "ensembles": [state["members"]]
            }
        check_keys("model_", state, {"encoder", "ensembles"})
        encoder, states = load_encoder(state["encoder"]), state["ensembles"]
        if not isinstance(states, list) or not 1 <= len(states) <= _MOST_MODELS:
            raise ModelFileError(
                f"'ensembles' is not a list of 1 to {_MOST_MODELS}; fit and save the model again"
            )
        return cls(encoder, tuple(_load_ensemble(one, encoder.schema) for one in states), not is_earlier)


def _load_ensemble(states: Any, schema: Schema) -> tuple[MemberState, ...]:
    """The members with these states, whose weights sum to one and whose last one is a network."""
    states = check_dicts("members", states)
    if not any("weight" in member for member in states):  # in the first model files
        states = [{**member, "weight": 1.0 / len(states)} for member in states]
    members = tuple(MemberState.from_state(member, schema) for member in states)
    if abs(sum(member.weight for member in members) - 1.0) > 1e-9:
        raise ModelFileError("the weights of 'members' do not sum to 1; fit and save the model again")
    if members[-1].architecture.n_breaks:
        raise ModelFileError("the last of 'members' is not a network; fit and save the model again")
    return members


def load_encoder(state: Mapping[str, Any]) -> TableEncoder:
    """The encoder with this state; its arrays are checked against its columns."""
    try:
        encoder = TableEncoder.from_state(state)
    except DAMAGE as error:
        raise damaged("table encoder", error) from None
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

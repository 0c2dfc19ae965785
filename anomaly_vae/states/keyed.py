"""KeyedState: one small model per key and the network that they share, as plain arrays, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states.checks import check_array, check_keys, check_nats
from anomaly_vae.states.table import TableState
from anomaly_vae.tails import Tail
from anomaly_vae.thresholds import can_guarantee

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

MOST_KEYS = 1_000_000
"""The most keys of a model file."""

_MOST_CELL = 1e6
_LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class KeyedState:
    """One small model per key, in arrays with one row per key, and what all of them share.

    Attributes
    ----------
    keys : array of str, shape (n_keys,)
        The keys, ascending and distinct.
    n_rows : array of int, shape (n_keys,)
        Rows that the model of each key was fitted on, without those that calibrate it.
    center, scale : array of shape (n_keys, n_numeric)
        Location and spread of each number, in the cells of the encoder.
    ratio : array of shape (n_keys, n_categorical_cells)
        Log of the frequency of each category, less that of the shared model, in nats.
    starts : array of int, shape (n_keys + 1,)
        The calibration scores of key k are ``scores[starts[k]:starts[k + 1]]``, ascending.
    scores : array of shape (n_calibration,)
        Calibration scores of all keys, in nats.
    offsets : array of shape (n_keys,)
        Thresholds, in nats.
    rates : array of shape (n_keys,)
        False-alarm rates of the thresholds; NaN if a threshold was not set by a rate.
    typical : array of shape (n_columns + 1,)
        Median contribution of each column, and of the latent term, over calibration rows.
    table : TableState
        The encoder, and the network of the normalised rows of all keys, one ensemble.
    """

    keys: NDArray[np.str_]
    n_rows: Positions
    center: Floats
    scale: Floats
    ratio: NDArray[np.float32]
    starts: Positions
    scores: Floats
    offsets: Floats
    rates: Floats
    typical: Floats
    table: TableState

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def n_calibration(self) -> Positions:
        """Number of calibration rows of each key."""
        return np.diff(self.starts)

    def calibration_scores(self, position: int) -> Floats:
        """The calibration scores of one key, ascending."""
        return self.scores[self.starts[position] : self.starts[position + 1]]

    def find(self, key: str) -> int:
        """The position of a key, or -1."""
        position = int(np.searchsorted(self.keys, key))
        return position if position < len(self) and self.keys[position] == key else -1

    def tail(self, position: int) -> Tail | None:
        """The basis of the false-alarm rate of one key: "empirical" is a guarantee, "gpd" an estimate."""
        rate = float(self.rates[position])
        if math.isnan(rate):
            return None
        return "empirical" if can_guarantee(rate, int(self.n_calibration[position])) else "gpd"

    def with_thresholds(self, offsets: Floats, rates: Floats) -> KeyedState:
        """The same models with other thresholds."""
        return replace(self, offsets=offsets, rates=rates)

    def get_state(self) -> dict[str, Any]:
        """The models as plain dictionaries, lists, numbers and arrays."""
        return {**vars(self), "table": self.table.get_state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> KeyedState:
        """The models with this state; raises ModelFileError if its parts are inconsistent."""
        check_keys("keyed_", state, {field.name for field in fields(cls)})
        table = TableState.from_state(state["table"])
        if len(table.ensembles) != 1:
            raise ModelFileError("the network that keys share should be one ensemble; fit the model again")
        loaded = cls(**{**state, "table": table})
        _check_keys_of(loaded.keys)
        n_keys, schema = len(loaded.keys), table.schema
        for name, width in (("center", schema.n_numeric), ("scale", schema.n_numeric)):
            _check_cells(name, getattr(loaded, name), (n_keys, width))
        check_nats("ratio", loaded.ratio, (n_keys, sum(schema.category_widths)))
        if not (loaded.scale >= _LEAST_SCALE).all():
            raise ModelFileError("'scale' of a key should be positive; fit and save the model again")
        _check_starts(loaded)
        _check_scores(loaded)
        check_nats("typical", loaded.typical, (len(schema.columns) + 1,))
        return loaded


def _check_keys_of(keys: Any) -> None:
    """Raise ModelFileError unless the keys are one or more distinct texts, ascending."""
    if not isinstance(keys, np.ndarray) or keys.dtype.kind != "U" or keys.ndim != 1:
        raise ModelFileError("'keys' should be an array of texts; fit and save the model again")
    if not 1 <= len(keys) <= MOST_KEYS:
        raise ModelFileError(f"'keys' should hold 1 to {MOST_KEYS:,} keys, got {len(keys):,}")
    if not (keys[:-1] < keys[1:]).all():
        raise ModelFileError("'keys' should be distinct and ascending; fit and save the model again")


def _check_cells(name: str, values: Any, shape: tuple[int, ...]) -> None:
    check_array(name, values, shape)
    if values.size and np.abs(values).max() > _MOST_CELL:
        raise ModelFileError(f"{name!r} of a key is beyond {_MOST_CELL:g}; fit and save the model again")


def _check_starts(state: KeyedState) -> None:
    """Raise ModelFileError unless each key has rows, and the scores are divided among the keys."""
    for name, length in (("starts", len(state) + 1), ("n_rows", len(state))):
        values = getattr(state, name)
        check_array(name, values, (length,))
        if values.dtype.kind != "i":
            raise ModelFileError(f"{name!r} should hold whole numbers; fit and save the model again")
    n_scores = len(state.scores) if isinstance(state.scores, np.ndarray) and state.scores.ndim == 1 else -1
    if state.starts[0] != 0 or state.starts[-1] != n_scores or (np.diff(state.starts) < 1).any():
        raise ModelFileError("'starts' contradicts the calibration scores; fit and save the model again")
    if (state.n_rows < 1).any():
        raise ModelFileError("'n_rows' of a key should be at least 1; fit and save the model again")


def _check_scores(state: KeyedState) -> None:
    """Raise ModelFileError unless the calibration scores of each key ascend and the thresholds are valid."""
    check_nats("scores", state.scores, (int(state.starts[-1]),))
    check_nats("offsets", state.offsets, (len(state),))
    check_array("rates", state.rates, (len(state),), allow_nan=True)
    if not (np.isnan(state.rates) | ((state.rates > 0.0) & (state.rates < 1.0))).all():
        raise ModelFileError("'rates' should be between 0 and 1; fit and save the model again")
    descends = np.diff(state.scores) < 0
    descends[state.starts[1:-1] - 1] = False  # from the last score of a key to the first of the next
    if descends.any() or any(values.dtype != np.float64 for values in (state.scores, state.offsets)):
        raise ModelFileError("'scores' of each key should ascend; fit and save the model again")

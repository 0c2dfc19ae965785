"""States of models of keys: what comes back, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states.keyed import KeyedState
from tests.anomaly_vae.keyed.hosts import fitted

State = dict[str, Any]


def state() -> State:
    """A state whose arrays may be changed."""
    runtime = fitted().model_.runtime
    assert runtime is not None
    return {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in runtime.state.get_state().items()
    }


def put(name: str, position: Any, value: Any) -> Callable[[State], None]:
    """A change of one item of an array."""

    def change(state: State) -> None:
        state[name][position] = value

    return change


def change_to(name: str, function: Callable[[Any], Any]) -> Callable[[State], None]:
    """A change of a whole array."""

    def change(state: State) -> None:
        state[name] = function(state[name])

    return change


def test_a_state_comes_back() -> None:
    """All arrays are the same."""
    again = KeyedState.from_state(state()).get_state()
    for name, value in state().items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(again[name], value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: state.pop("scale"), "'scale' of 'keyed_' is missing"),
        (lambda state: state.update(more=1), "'more' of 'keyed_' is unknown"),
        (change_to("keys", lambda keys: keys[::-1]), "distinct and ascending"),
        (put("keys", 1, "a"), "distinct and ascending"),
        (change_to("keys", list), "'keys' should be an array of texts"),
        (change_to("keys", lambda keys: keys.astype(object)), "'keys' should be an array of texts"),
        (change_to("keys", lambda keys: keys[:0]), "should hold 1 to 1,000,000 keys"),
        (change_to("keys", lambda keys: keys[:-1]), "'center' should be an array of numbers of shape"),
        (put("center", (0, 0), 1e30), "'center' of a key is beyond"),
        (put("center", (0, 0), np.nan), "'center' holds 1 values"),
        (put("scale", (0, 0), 0.0), "'scale' of a key should be positive"),
        (put("scale", (0, 0), -1.0), "'scale' of a key should be positive"),
        (put("ratio", (0, 0), np.inf), "'ratio' holds 1 values"),
        (change_to("ratio", lambda ratio: ratio[:, 1:]), "'ratio' should be an array of numbers of shape"),
        (put("starts", 1, 10**9), "'starts' contradicts"),
        (put("starts", 1, 0), "'starts' contradicts"),
        (put("starts", 0, -1), "'starts' contradicts"),
        (change_to("starts", lambda starts: starts.astype(float)), "'starts' should hold whole numbers"),
        (put("n_rows", 0, 0), "'n_rows' of a key should be at least 1"),
        (change_to("scores", lambda scores: scores[::-1].copy()), "should ascend"),
        (change_to("scores", lambda scores: scores[:-1]), "'starts' contradicts"),
        (change_to("scores", lambda scores: scores.astype(np.float32)), "should ascend"),
        (put("offsets", 0, np.nan), "'offsets' holds 1 values"),
        (put("rates", 0, 1.5), "'rates' should be between 0 and 1"),
        (change_to("typical", lambda typical: typical[1:]), "'typical' should be an array"),
        (change_to("table", lambda table: {**table, "ensembles": 2 * table["ensembles"]}), "one ensemble"),
    ],
)
def test_a_state_that_no_fit_makes_is_refused(change: Callable[[State], object], reason: str) -> None:
    """In one line that names the array."""
    changed = state()
    change(changed)
    with pytest.raises(ModelFileError, match=reason) as caught:
        KeyedState.from_state(changed)
    assert "\n" not in str(caught.value)


def test_the_basis_of_a_rate_follows_from_the_calibration_rows() -> None:
    """A rate that they can guarantee is guaranteed, a lower one is an estimate."""
    kept = KeyedState.from_state(state())
    rates = np.array([0.1, 1e-5, np.nan])
    changed = kept.with_thresholds(kept.offsets, rates)
    assert [changed.tail(position) for position in range(3)] == ["empirical", "gpd", None]


def test_keys_are_found() -> None:
    """Those that there are."""
    kept = KeyedState.from_state(state())
    assert [kept.find(key) for key in ("a", "b", "c", "", "aa", "z")] == [0, 1, 2, -1, -1, -1]

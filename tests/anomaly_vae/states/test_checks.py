"""Checks of plain values; each names the value that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.states import checks


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (checks.check_dict, {}, []),
        (checks.check_dicts, [{}], [{}, 3]),
        (checks.check_number, 1.5, float("inf")),
        (checks.check_number, -3, True),
        (lambda name, value: checks.check_keys(name, value, {"a"}), {"a": 1}, {"a": 1, "b": 2}),
        (lambda name, value: checks.check_keys(name, value, {"a"}), {"a": 1}, {}),
        (lambda name, value: checks.check_array(name, value, (2,)), np.ones(2), np.ones(3)),
        (lambda name, value: checks.check_array(name, value, (2,)), np.ones(2), np.array([1.0, np.nan])),
        (lambda name, value: checks.check_array(name, value, (1,)), np.ones(1), np.array(["1"])),
        (lambda name, value: checks.check_array(name, value, (1,)), np.ones(1), [1.0]),
        (lambda name, value: checks.check_nats(name, value, (1,)), np.array([-1e14]), np.array([1e16])),
        (checks.check_single, np.array([1e11]), np.array([1e13])),
        (lambda name, value: checks.check_whole(name, value, 1, 5), np.int64(5), 6),
        (lambda name, value: checks.check_whole(name, value, 1), 1, 1.0),
    ],
    ids=range(14),
)
def test_a_wrong_value_is_an_error_that_names_it(
    check: Callable[[str, Any], Any], right: Any, wrong: Any
) -> None:
    """The right value passes."""
    check("a_value", right)
    with pytest.raises(ModelFileError, match="a_value|'[ab]' of 'a_value'"):
        check("a_value", wrong)


def test_missing_cells_are_allowed_where_they_have_a_meaning() -> None:
    """Infinite values are not."""
    checks.check_array("unit", np.array([1.0, np.nan]), (2,), allow_nan=True)
    with pytest.raises(ModelFileError):
        checks.check_array("unit", np.array([1.0, np.inf]), (2,), allow_nan=True)


def test_damage_is_one_line() -> None:
    """Whatever the cause says."""
    message = str(checks.damaged("encoder", ValueError("first\nsecond" * 100)))
    assert "\n" not in message
    assert len(message) < 250

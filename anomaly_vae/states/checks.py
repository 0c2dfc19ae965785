"""Checks of plain values from a model file: dictionaries, arrays and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError

_MOST_NATS = 1e15
_MOST_WEIGHT = 1e12

DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, OverflowError)
"""What reading a damaged state can raise."""


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


def check_number(name: str, value: Any, *, optional: bool = False) -> None:
    """Raise ModelFileError unless ``value`` is a finite number (or None, where that is allowed)."""
    if optional and value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool) or not np.isfinite(value):
        raise ModelFileError(f"{name!r} should be a finite number, got {repr(value)[:50]}")


def damaged(what: str, error: Exception) -> ModelFileError:
    """The error for a part of a model that cannot be read."""
    return ModelFileError(
        f"the {what} of the model is damaged ({error!r:.120}); fit and save the model again"
    )

"""Rules for single parameters and attributes of scikit-learn's steps, beyond the general rules."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.steps.rules import (
    Context,
    boolean,
    dtype,
    either,
    list_of,
    maybe,
    name,
    plain,
    shown,
    step,
)
from anomaly_vae.model_file.tree import FUNCTIONS, Described

SELECTOR = "sklearn.compose._column_transformer.make_column_selector"


def function(value: Any, _: Context) -> Any:
    """None or an elementwise function of numpy."""
    if value is not None and not any(value is known for known in FUNCTIONS.values()):
        raise ModelFileError(f"is not an elementwise function of numpy, but {shown(value)}")
    return value


def no_cache(value: Any, _: Context) -> None:
    """None, because a Pipeline with a cache would read pickles from it in the next fit."""
    if value is not None:
        raise ModelFileError("names a cache of pickles; set memory=None")


def empty(value: Any, _: Context) -> Any:
    """None or an empty dict, because arguments could change what a function does."""
    if value is not None and value != {}:
        raise ModelFileError(f"is not None, but {shown(value)}")
    return value


def output_names(value: Any, context: Context) -> Any:
    """True, False, or a format of output names that uses each field at most once, without padding."""
    if not isinstance(value, str):
        return boolean(value, context)
    name(value, context)
    try:
        fields = [part[1:] for part in string.Formatter().parse(value) if part[1] is not None]
    except ValueError:
        raise ModelFileError(f"is not a valid format, but {shown(value)}") from None
    used = [key for key, _, _ in fields]
    padded = any(spec or conversion for _, spec, conversion in fields)
    if padded or len(set(used)) < len(used) or not set(used) <= {"transformer_name", "feature_name"}:
        raise ModelFileError(
            f"is not a plain format of transformer_name and feature_name, but {shown(value)}"
        )
    return value


def selector(value: Any, context: Context) -> Any:
    """A make_column_selector, which scikit-learn calls in the next fit of the step."""
    from sklearn.compose import make_column_selector

    if not isinstance(value, Described) or value.name != SELECTOR:
        raise ModelFileError(f"does not select columns, but is {shown(value)}")
    rules = {"pattern": maybe(name), "dtype_include": either(list_of(_kind), _kind)}
    rules["dtype_exclude"] = rules["dtype_include"]
    if not set(value.state) <= set(rules):
        raise ModelFileError("holds a make_column_selector with unknown attributes")
    return make_column_selector(**{key: rules[key](item, context) for key, item in value.state.items()})


def number_dtype(value: Any, context: Context) -> Any:
    """A dtype of plain numbers, for the codes of an encoder."""
    try:
        chosen = np.dtype(name(value, context)) if isinstance(value, str) else np.dtype(dtype(value, context))
    except TypeError:
        raise ModelFileError(f"is not a dtype, but {shown(value)}") from None
    if chosen.kind not in "biuf":
        raise ModelFileError(f"is not a dtype of numbers, but {shown(value)}")
    return value


def _kind(value: Any, context: Context) -> Any:
    """A dtype, a type such as np.number, or the name of one."""
    return value if isinstance(value, type | np.dtype) else maybe(name)(value, context)


def position(value: Any, context: Context) -> int:
    """The position of an input column."""
    if not isinstance(value, int | np.integer) or not 0 <= value < context.sizes["n"]:
        raise ModelFileError(f"is not a position of a column, but {shown(value)}")
    return int(value)


def sliced(value: Any, context: Context) -> slice:
    """A slice of plain bounds."""
    if not isinstance(value, slice):
        raise ModelFileError(f"is not a slice, but {shown(value)}")
    return slice(*(plain(bound, context) for bound in (value.start, value.stop, value.step)))


def integer(value: Any, _: Context) -> int:
    """The position of one column, from either end."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise ModelFileError(f"does not name columns, but is {shown(value)}")
    return int(value)


def inner_indicator(value: Any, context: Context) -> Any:
    """The indicator of an imputer, which passes it a mask of missing values."""
    indicator = step("MissingIndicator")(value, context)
    if not indicator._precomputed:
        raise ModelFileError("does not take a mask of missing values")
    return indicator

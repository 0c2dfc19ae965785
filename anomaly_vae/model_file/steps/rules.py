"""Rules: which parameters and fitted attributes a step may have, as small functions of a value.

A rule receives a value of a file and the `Context` of its step. It returns the value to use, or raises
ModelFileError. Shapes are written as letters, ``"k n"``: a letter stands for one size within a
step, which the first array with that letter sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomaly_vae.bounded_json import is_writable
from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.tree import Described

MAX_NAME = 1_024
"""Characters of a column or step name; steps join names, so long names multiply."""

_MAX_ITEM_BYTES = 2**14
"""Bytes per item of a text array: steps cast whole columns to such a dtype."""

_MOST_COUNT = 2**53


@dataclass(frozen=True)
class Context:
    """The step that a value belongs to.

    Attributes
    ----------
    rebuild : callable
        Builds a step from its description.
    sizes : dict of str to int
        Known sizes by letter; "n" is the number of input columns.
    """

    rebuild: Callable[[Described], Any]
    sizes: dict[str, int] = field(default_factory=dict)

    def bind(self, letter: str, size: int) -> None:
        """Set the size of a letter other than "*"; raise ModelFileError if it already has another size."""
        if letter == "*":
            return
        if self.sizes.setdefault(letter, size) != size:
            raise ModelFileError(f"has size {size}, but {self.sizes[letter]} elsewhere in the same step")


Rule = Callable[[Any, Context], Any]


def array(dims: str, kinds: str = "fiu", *, nan: bool = False, infinite: bool = False) -> Rule:
    """An array of these dtype kinds and dimensions, finite unless stated otherwise."""

    def check(value: Any, context: Context) -> Any:
        letters = dims.split()
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds or value.ndim != len(letters):
            raise ModelFileError(f"is not an array of {len(letters)} dimensions, but {shown(value)}")
        for letter, size in zip(letters, value.shape, strict=True):
            context.bind(letter, size)
        if value.dtype.kind == "f":
            if not nan and np.isnan(value).any():
                raise ModelFileError("holds NaN")
            if not infinite and np.isinf(value).any():
                raise ModelFileError("holds infinite numbers")
        return value

    return check


def positions(dims: str, below: str) -> Rule:
    """An array of positions that are at least 0 and less than the size of a letter."""

    def check(value: Any, context: Context) -> Any:
        value = array(dims, "iu")(value, context)
        if value.size and not 0 <= int(value.min()) <= int(value.max()) < context.sizes[below]:
            raise ModelFileError(f"holds positions outside 0 to {context.sizes[below] - 1}")
        return value

    return check


def names(dims: str) -> Rule:
    """An array of texts of at most ``MAX_NAME`` characters."""

    def check(value: Any, context: Context) -> Any:
        value = array(dims, "OU")(value, context)
        for item in value:
            name(item, context)
        return value.astype(object)

    return check


def name(value: Any, _: Context) -> str:
    """A text of at most ``MAX_NAME`` characters."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not is_writable(value):
        raise ModelFileError(f"is not a text of at most {MAX_NAME:,} characters, but {shown(value)}")
    return value


def size(letter: str) -> Rule:
    """A whole number that must equal the size of a letter."""

    def check(value: Any, context: Context) -> int:
        context.bind(letter, count(value, context))
        return int(value)

    return check


def count(value: Any, _: Context) -> Any:
    """A whole number of at least 0, which may be a NumPy float."""
    if not isinstance(value, int | np.integer | np.floating) or isinstance(value, bool):
        raise ModelFileError(f"is not a whole number, but {shown(value)}")
    if not 0 <= value < _MOST_COUNT or value != int(value):
        raise ModelFileError(f"is not a whole number of at least 0, but {shown(value)}")
    return value


def number(value: Any, _: Context) -> Any:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise ModelFileError(f"is not a finite number, but {shown(value)}")
    return value


def boolean(value: Any, _: Context) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ModelFileError(f"is not True or False, but {shown(value)}")
    return bool(value)


def plain(value: Any, _: Context) -> Any:
    """None, a boolean, a number (also NaN) or a text, which scikit-learn validates itself."""
    if not isinstance(value, bool | int | float | str | np.generic | None):
        raise ModelFileError(f"is not a plain value, but {shown(value)}")
    if isinstance(value, str) and len(value) > MAX_NAME:
        raise ModelFileError(f"is a text of {len(value):,} characters; at most {MAX_NAME:,} are allowed")
    return value


def values(value: Any, context: Context) -> Any:
    """A plain value, or a list or tuple of them, or of such lists."""
    if not isinstance(value, list | tuple):
        return plain(value, context)
    return type(value)(values(item, context) for item in value)


def always(wanted: Any) -> Rule:
    """Exactly this value."""

    def check(value: Any, _: Context) -> Any:
        if type(value) is not type(wanted) or value != wanted:
            raise ModelFileError(f"is not {wanted!r}, but {shown(value)}")
        return value

    return check


def replaced_by(value: Any) -> Rule:
    """Any value, which is replaced by the given one."""
    return lambda _value, _context: value


def maybe(rule: Rule) -> Rule:
    """None, or what the rule allows."""
    return lambda value, context: None if value is None else rule(value, context)


def either(*rules: Rule) -> Rule:
    """The result of the first rule that accepts the value; if none does, the error of the last rule."""

    def check(value: Any, context: Context) -> Any:
        for rule in rules[:-1]:
            try:
                return rule(value, context)
            except ModelFileError:
                continue
        return rules[-1](value, context)

    return check


def list_of(rule: Rule, *, length: str = "*", kind: type[list[Any] | tuple[Any, ...]] = list) -> Rule:
    """A list (or tuple) whose items follow a rule; its length is the size of a letter if one is given."""

    def check(value: Any, context: Context) -> Any:
        if not isinstance(value, kind):
            raise ModelFileError(f"is not a {kind.__name__}, but {shown(value)}")
        context.bind(length, len(value))
        return kind(rule(item, context) for item in value)

    return check


def tuple_of(*rules: Rule) -> Rule:
    """A tuple with one item per rule."""

    def check(value: Any, context: Context) -> tuple[Any, ...]:
        if not isinstance(value, tuple) or len(value) != len(rules):
            raise ModelFileError(f"is not a tuple of {len(rules)}, but {shown(value)}")
        return tuple(rule(item, context) for rule, item in zip(rules, value, strict=True))

    return check


def tuple_like(rule: Rule) -> Rule:
    """A tuple of any length whose items follow a rule."""
    return list_of(rule, kind=tuple)


def dict_of(key: Rule, rule: Rule) -> Rule:
    """A dict whose keys follow one rule and whose values follow another."""

    def check(value: Any, context: Context) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ModelFileError(f"is not a dict, but {shown(value)}")
        return {key(name, context): rule(item, context) for name, item in value.items()}

    return check


def step(*classes: str) -> Rule:
    """A step; if classes are given, of one of them."""

    def check(value: Any, context: Context) -> Any:
        if not isinstance(value, Described):
            raise ModelFileError(f"is not a step, but {shown(value)}")
        if classes and value.name.rpartition(".")[2] not in classes:
            raise ModelFileError(f"is not a {' or '.join(classes)}, but a {value.name.rpartition('.')[2]}")
        return context.rebuild(value)

    return check


def dtype(value: Any, _: Context) -> Any:
    """A dtype or a type of numbers, texts, dates or objects, small enough for whole columns."""
    if not isinstance(value, type | np.dtype):
        raise ModelFileError(f"is not a dtype, but {shown(value)}")
    if np.dtype(value).kind not in "biufOUSMm" or np.dtype(value).itemsize > _MAX_ITEM_BYTES:
        raise ModelFileError(f"is a dtype that no step has, {str(value)[:50]}")
    return value


def narrow(values: np.ndarray[Any, Any]) -> bool:
    """Whether the items of an array are small enough to cast whole columns to its dtype."""
    return bool(values.dtype.itemsize <= _MAX_ITEM_BYTES)


def shown(value: Any) -> str:
    """A short description of a value, for messages."""
    if isinstance(value, np.ndarray):
        return f"an array of {str(value.dtype)[:20]} and shape {value.shape}"
    if isinstance(value, Described):
        return f"a {value.name.rpartition('.')[2]}"
    if isinstance(value, Sequence | dict) and not isinstance(value, str):
        return f"a {type(value).__name__} of {len(value):,}"
    return repr(value if not isinstance(value, str) else value[:50])[:60]

"""check_provenance: the optional statement of the data, commands and models that a model file comes from.

The applications write it; here it is only checked, as a file of unknown origin may hold anything. It is a
list of steps, oldest first: a fit, then perhaps verdicts and thresholds. Each may have these entries:

    step       fit, learn or threshold
    created    when, in ISO 8601
    version    of anomaly-vae
    command    the command line
    parent     first digits of the SHA-256 of the model file that the step began with
    data       {"name", "rows", "columns", "sha256", "time", "first", "last"}, each optional: what the
               file was called, its size, its digest, and the range of a column of times

They are statements of the file: nothing about a model can prove what it was fitted on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from anomaly_vae.bounded_json import is_writable
from anomaly_vae.errors import ModelFileError

PROVENANCE = "provenance"
"""Key of the steps in the metadata."""

STEPS = ("fit", "learn", "threshold")
"""Kinds of steps."""

MAX_STEPS = 50
"""Steps that are kept: the first, and the latest of the others."""

MAX_TEXT = 2_000
"""Characters of a text in a step."""

_MOST_ROWS = 2**53


def extended(metadata: Mapping[str, Any], step: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps in the metadata of a model, and one more."""
    steps = [*metadata.get(PROVENANCE, ()), dict(step)]
    return steps if len(steps) <= MAX_STEPS else [steps[0], *steps[1 - MAX_STEPS :]]


def check_provenance(metadata: Mapping[str, Any]) -> None:
    """Raise ModelFileError unless the steps in the metadata of a file are missing or valid."""
    if PROVENANCE not in metadata:
        return
    steps = metadata[PROVENANCE]
    if not isinstance(steps, list) or not 0 < len(steps) <= MAX_STEPS:
        raise _invalid(f"is not a list of 1 to {MAX_STEPS} steps")
    for step in steps:
        _check(step, _STEP)
        if "data" in step:
            _check(step["data"], _DATA)


def _check(found: Any, rules: Mapping[str, Callable[[Any], bool]]) -> None:
    if not isinstance(found, dict) or not set(found) <= set(rules):
        raise _invalid("has unknown entries")
    for name, value in found.items():
        if not rules[name](value):
            raise _invalid(f"has no valid {name!r}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable() and is_writable(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ROWS


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{16}|[0-9a-f]{64}", value) is not None


_STEP: Mapping[str, Callable[[Any], bool]] = {
    "step": lambda value: isinstance(value, str) and value in STEPS,
    "created": _is_text,
    "version": _is_text,
    "command": _is_text,
    "parent": _is_digest,
    "data": lambda value: isinstance(value, dict),
}
_DATA: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "rows": _is_count,
    "columns": _is_count,
    "sha256": _is_digest,
    "time": _is_text,
    "first": _is_text,
    "last": _is_text,
}


def _invalid(problem: str) -> ModelFileError:
    return ModelFileError(f"its provenance {problem}; fit the model again")

"""check_dialect: the optional description in a model file of how its training table was read.

The applications write and apply it; here it is only checked, as a file of unknown origin may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from anomaly_vae.bounded_json import is_writable
from anomaly_vae.errors import ModelFileError

DIALECT = "dialect"
"""Key of the description in the metadata."""

_MAX_WORDS = 200
_MAX_WORD = 100
_MARKS = ("", ".", ",", " ", "'")


def check_dialect(metadata: Mapping[str, Any], names: Container[str]) -> None:
    """Raise ModelFileError unless the description is missing or valid.

    Parameters
    ----------
    metadata : mapping
        Of a model file.
    names : container of str
        The columns of the model.
    """
    if DIALECT not in metadata:
        return
    found = metadata[DIALECT]
    if not isinstance(found, dict) or not set(found) <= {*_FILE, "columns"}:
        raise _invalid("has unknown entries")
    _check(found, _FILE)
    columns = found.get("columns", {})
    if not isinstance(columns, dict):
        raise _invalid("has no valid columns")
    for name, form in columns.items():
        if name not in names:
            raise _invalid("has a column that the model does not have")
        rules = _FORMS.get(str(form.get("form")), None) if isinstance(form, dict) else None
        if rules is None or not set(form) <= {"form", "missing", *rules}:
            raise _invalid("has a column in an unknown form")
        _check(form, rules)
        _check_marks(form)
    _check_marks(found)


def _check_marks(found: Mapping[str, Any]) -> None:
    """Raise ModelFileError if the decimal mark is also that of thousands."""
    if found.get("decimal", ".") == found.get("thousands", ""):
        raise _invalid("has one mark for decimals and thousands")


def _check(found: Mapping[str, Any], rules: Mapping[str, Callable[[Any], bool]]) -> None:
    for name, value in found.items():
        if name in ("form", "columns"):
            continue
        rule = _are_words if name == "missing" else rules[name]
        if not rule(value):
            raise _invalid(f"has no valid {name!r}")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_WORD and is_writable(value)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MAX_WORDS and all(map(_is_word, value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*values: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in values


def _is_affix(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= 20
        and value.isprintable()
        and not any("0" <= c <= "9" for c in value)
    )


def is_codec(value: Any) -> bool:
    """Whether a value is the name of a codec of text that Python has."""
    import codecs

    if not isinstance(value, str) or len(value) > 30 or not value.isascii():
        return False
    try:
        codec = codecs.lookup(value)
        return bool(codec._is_text_encoding) and codec.name.replace("-", "_") not in _NO_TEXT
    except (LookupError, ValueError):
        return False


_NO_TEXT = ("undefined", "idna", "punycode", "unicode_escape", "raw_unicode_escape")
"""Codecs that are not encodings of files."""

_FILE: Mapping[str, Callable[[Any], bool]] = {
    "separator": lambda value: (
        isinstance(value, str) and len(value) == 1 and value.isascii() and value not in "\"'\r\n\0"
    ),
    "decimal": _one_of(".", ","),
    "thousands": _one_of(*_MARKS),
    "encoding": is_codec,
    "header": _is_flag,
    "missing": _are_words,
    "values": _are_words,
    "quote": _one_of('"', "'"),
    "escape": _is_flag,
    "trim": _is_flag,
    "spaced": _is_flag,
    "units": _is_flag,
    "comment": _one_of("", "#", "%", "//"),
}
_FORMS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "number": {
        "decimal": _one_of(".", ","),
        "thousands": _one_of(*_MARKS),
        "prefix": _is_affix,
        "suffix": _is_affix,
        "negative": _one_of("", "()", "-", "−"),
    },
    "date": {"order": _one_of("dmy", "mdy", "ymd", "dby", "bdy")},
    "clock": {},
    "text": {},
}


def _invalid(problem: str) -> ModelFileError:
    return ModelFileError(f"its dialect {problem}; fit the model again")

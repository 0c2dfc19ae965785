"""A schema of columns in TOML: how each is read, for people to correct and to keep in version control.

[columns.price]
kind = "numeric"       # numeric, categorical, datetime, time, boolean, ignore or identifier
decimal = ","          # also thousands, prefix, suffix, negative; for a datetime: order, such as "dmy"
missing = ["-"]
min = 0.0              # bounds of the numbers of a training table
max = 500.0
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.dialect import DIALECT, check_dialect
from anomaly_vae.schema import COLUMN_KINDS, LEFT_OUT
from anomaly_vae_pipelines.dialects.dialect import Bounds
from anomaly_vae_pipelines.dialects.forms import ColumnForm

_FORMS = {"numeric": "number", "categorical": "text", "datetime": "date", "time": "clock"}
"""The names of the forms that texts of a kind of column have; booleans have none."""

_READ_AS = {"time": "numeric"}
"""Kinds of columns that only texts have, and what the detector then receives."""

_BOUNDED = ("numeric", "time")


class ColumnSchema(NamedTuple):
    """Forms, kinds and bounds of the columns that are features, and the names of those that are not."""

    forms: dict[str, ColumnForm]
    kinds: dict[str, str]
    left_out: list[str]
    bounds: dict[str, Bounds]


def read_schema(content: Mapping[str, Any], path: str) -> ColumnSchema:
    """The schema in the content of a TOML file; raises InputError if it is not valid."""
    columns = content.get("columns")
    if not isinstance(columns, dict) or set(content) != {"columns"}:
        raise InputError(f"{path}: wanted tables [columns.NAME], and nothing else")
    schema = ColumnSchema({}, {}, [], {})
    for name, found in columns.items():
        entries = found if isinstance(found, dict) else {}
        kind = entries.get("kind")
        if kind in _BOUNDED and (bounds := _bounds(name, entries, path)) is not None:
            schema.bounds[name] = bounds
            entries = {key: value for key, value in entries.items() if key not in ("min", "max")}
        if kind in LEFT_OUT:
            schema.left_out.append(name)
            continue
        if not isinstance(kind, str) or kind not in (*COLUMN_KINDS, *_READ_AS):
            wanted = ", ".join([*COLUMN_KINDS, *_READ_AS])
            raise InputError(f"{path}: column {name!r}: wanted one of the kinds {wanted}, got {kind!r}")
        schema.kinds[name] = _READ_AS.get(kind, kind)
        if kind in _FORMS and (form := _form(name, _FORMS[kind], entries, path)) is not None:
            schema.forms[name] = form
    return schema


def _bounds(name: str, entries: Mapping[str, Any], path: str) -> Bounds | None:
    """The bounds of a column of numbers, if it has any."""
    ends = [entries.get("min"), entries.get("max")]
    if ends == [None, None]:
        return None
    for end in ends:
        if end is not None and (isinstance(end, bool) or not isinstance(end, int | float) or end != end):
            raise InputError(f"{path}: column {name!r}: wanted numbers as min and max, got {end!r}")
    low, high = (-math.inf if ends[0] is None else float(ends[0])), (
        math.inf if ends[1] is None else float(ends[1])
    )  # fmt: skip
    if low > high:
        raise InputError(f"{path}: column {name!r}: its min {low:g} is above its max {high:g}")
    return low, high


def _form(name: str, kind: str, entries: Mapping[str, Any], path: str) -> ColumnForm | None:
    """The form of a column; None for dates in ISO 8601, which need none."""
    stored = {key: value for key, value in entries.items() if key != "kind"}
    if kind == "date" and "order" not in stored:
        return None
    stored["form"] = kind
    try:
        check_dialect({DIALECT: {"columns": {name: stored}}}, [name])
    except InputError as error:
        problem = str(error).partition(";")[0].removeprefix("its dialect ")
        raise InputError(f"{path}: column {name!r}: {problem}") from error
    return ColumnForm.from_json(stored)


def write_schema(columns: Iterable[tuple[str, str, ColumnForm | None]]) -> str:
    """The schema as TOML, from the name, the kind and the form of each column."""
    tables = []
    for name, kind, form in columns:
        entries = form.as_json() if form is not None else {}
        lines = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in entries.items()
            if key != "form"
        ]
        tables.append(
            "\n".join([f"[columns.{json.dumps(name, ensure_ascii=False)}]", f'kind = "{kind}"', *lines])
        )
    return "\n\n".join(tables) + "\n"

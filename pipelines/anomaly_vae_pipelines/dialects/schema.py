"""A schema of columns in TOML: how each is read, for people to correct and to keep in version control.

[columns.price]
kind = "number"        # number, text, category, date, time, boolean, ignore or id
decimal = ","          # also thousands, prefix, suffix, negative; for dates: order
missing = ["-"]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.dialect import DIALECT, check_dialect
from anomaly_vae.schema import COLUMN_KINDS, LEFT_OUT
from anomaly_vae_pipelines.dialects.forms import ColumnForm

_FORMS = {"number": "number", "text": "text", "category": "text", "date": "date", "time": "clock"}
"""The names of the forms that texts of a kind of column have; booleans have none."""

_READ_AS = {"time": "number"}
"""Kinds of columns that only texts have, and what the detector then receives."""


class ColumnSchema(NamedTuple):
    """The forms and kinds of the columns that are features, and the names of those that are not."""

    forms: dict[str, ColumnForm]
    kinds: dict[str, str]
    left_out: list[str]


def read_schema(content: Mapping[str, Any], path: str) -> ColumnSchema:
    """The schema in the content of a TOML file; raises InputError if it is not valid."""
    columns = content.get("columns")
    if not isinstance(columns, dict) or set(content) != {"columns"}:
        raise InputError(f"{path}: wanted tables [columns.NAME], and nothing else")
    schema = ColumnSchema({}, {}, [])
    for name, entries in columns.items():
        kind = entries.get("kind") if isinstance(entries, dict) else None
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

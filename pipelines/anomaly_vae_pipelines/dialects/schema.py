"""A schema of columns in TOML: how each is read, for people to correct and to keep in version control.

[columns.price]
kind = "number"        # number, text, date, time, boolean, ignore or id
decimal = ","          # also thousands, prefix, suffix, negative; for dates: order
missing = ["-"]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from anomaly_vae.errors import InputError
from anomaly_vae.model_file.dialect import DIALECT, check_dialect
from anomaly_vae_pipelines.dialects.forms import ColumnForm

KINDS = {"number": "number", "text": "text", "date": "date", "time": "clock"}
"""Kinds of columns that are features, and the names of their forms."""

LEFT_OUT = ("ignore", "id")
FOUND = "boolean"
"""The kind of columns whose cells say what they are."""


class ColumnSchema(NamedTuple):
    """The forms of the columns that are features, and the names of those that are not."""

    forms: dict[str, ColumnForm]
    left_out: list[str]


def read_schema(content: Mapping[str, Any], path: str) -> ColumnSchema:
    """The schema in the content of a TOML file; raises InputError if it is not valid."""
    columns = content.get("columns")
    if not isinstance(columns, dict) or set(content) != {"columns"}:
        raise InputError(f"{path}: wanted tables [columns.NAME], and nothing else")
    schema = ColumnSchema({}, [])
    for name, entries in columns.items():
        kind = entries.get("kind") if isinstance(entries, dict) else None
        if kind in LEFT_OUT:
            schema.left_out.append(name)
        elif kind in KINDS:
            if (form := _form(name, KINDS[kind], entries, path)) is not None:
                schema.forms[name] = form
        elif kind != FOUND:
            wanted = ", ".join([*KINDS, FOUND, *LEFT_OUT])
            raise InputError(f"{path}: column {name!r}: wanted one of the kinds {wanted}, got {kind!r}")
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

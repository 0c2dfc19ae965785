"""The kinds of columns in a TOML file."""

from __future__ import annotations

import tomllib

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm
from anomaly_vae_pipelines.dialects.numbers import PLAIN_NUMBER, NumberForm
from anomaly_vae_pipelines.dialects.schema import ColumnSchema, read_schema, write_schema
from anomaly_vae_pipelines.dialects.times import ClockForm, DateForm

COLUMNS = [
    ('Preis in "€"', "number", ColumnForm(NumberForm(",", ".", suffix="€"), ("-",))),
    ("a.b", "number", None),
    ("Tag", "date", ColumnForm(DateForm("dmy"))),
    ("day", "date", None),
    ("took", "time", ColumnForm(ClockForm())),
    ("ver", "text", ColumnForm(TextForm())),
    ("store", "category", ColumnForm(TextForm())),
    ("ok", "boolean", None),
    ("code", "id", None),
    ("note", "ignore", None),
]


def test_what_is_written_is_read_back():
    """Any name can be a key; dates in ISO 8601 and booleans need no form."""
    found = read_schema(tomllib.loads(write_schema(COLUMNS)), "c.toml")
    forms = {name: form for name, _, form in COLUMNS if form is not None} | {"a.b": ColumnForm(PLAIN_NUMBER)}
    kinds = {name: "number" if kind == "time" else kind for name, kind, _ in COLUMNS[:-2]}
    assert found == ColumnSchema(forms, kinds, ["code", "note"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, r"wanted tables \[columns.NAME\]"),
        ({"columns": {}, "x": 1}, "wanted .*and nothing else"),
        (
            {"columns": {"a": {"kind": "float"}}},
            "column 'a': wanted one of the kinds number, text, .*'float'",
        ),
        ({"columns": {"a": 3}}, "column 'a': wanted one of the kinds"),
        ({"columns": {"a": {"kind": "number", "decimal": ";"}}}, "column 'a': has no valid 'decimal'"),
        ({"columns": {"a": {"kind": "text", "order": "dmy"}}}, "column 'a': has a column in an unknown form"),
    ],
)
def test_other_files_are_refused_by_column(content, problem):
    with pytest.raises(InputError, match=f"c.toml: {problem}"):
        read_schema(content, "c.toml")

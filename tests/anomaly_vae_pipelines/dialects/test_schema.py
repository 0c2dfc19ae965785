"""The kinds of columns in a TOML file."""

from __future__ import annotations

import math
import tomllib

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm
from anomaly_vae_pipelines.dialects.numbers import PLAIN_NUMBER, NumberForm
from anomaly_vae_pipelines.dialects.schema import ColumnSchema, read_schema, write_schema
from anomaly_vae_pipelines.dialects.times import ClockForm, DateForm

COLUMNS = [
    ('Preis in "€"', "numeric", ColumnForm(NumberForm(",", ".", suffix="€"), ("-",))),
    ("a.b", "numeric", None),
    ("Tag", "datetime", ColumnForm(DateForm("dmy"))),
    ("day", "datetime", None),
    ("took", "time", ColumnForm(ClockForm())),
    ("ver", "categorical", ColumnForm(TextForm())),
    ("ok", "boolean", None),
    ("code", "identifier", None),
    ("note", "ignore", None),
]


def test_what_is_written_is_read_back():
    """Any name can be a key; dates in ISO 8601 and booleans need no form."""
    found = read_schema(tomllib.loads(write_schema(COLUMNS)), "c.toml")
    forms = {name: form for name, _, form in COLUMNS if form is not None} | {"a.b": ColumnForm(PLAIN_NUMBER)}
    kinds = {name: "numeric" if kind == "time" else kind for name, kind, _ in COLUMNS[:-2]}
    assert found == ColumnSchema(forms, kinds, ["code", "note"], {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, r"wanted tables \[columns.NAME\]"),
        ({"columns": {}, "x": 1}, "wanted .*and nothing else"),
        (
            {"columns": {"a": {"kind": "float"}}},
            "column 'a': wanted one of the kinds numeric, categorical, .*'float'",
        ),
        ({"columns": {"a": {"kind": "numeric", "min": "low"}}}, "column 'a': wanted numbers as min .*'low'"),
        (
            {"columns": {"a": {"kind": "numeric", "min": 2, "max": 1}}},
            "column 'a': its min 2 is above",
        ),
        (
            {"columns": {"a": {"kind": "categorical", "min": 2}}},
            "column 'a': has a column in an unknown form",
        ),
        ({"columns": {"a": 3}}, "column 'a': wanted one of the kinds"),
        ({"columns": {"a": {"kind": "numeric", "decimal": ";"}}}, "column 'a': has no valid 'decimal'"),
        (
            {"columns": {"a": {"kind": "categorical", "order": "dmy"}}},
            "column 'a': has a column in an unknown form",
        ),
    ],
)
def test_other_files_are_refused_by_column(content, problem):
    with pytest.raises(InputError, match=f"c.toml: .*{problem}"):
        read_schema(content, "c.toml")


def test_bounds_are_of_numbers_and_may_have_one_end():
    schema = read_schema(
        {"columns": {"a": {"kind": "numeric", "min": 0}, "b": {"kind": "time", "max": 9.5}}}, "c"
    )
    assert schema.bounds == {"a": (0.0, math.inf), "b": (-math.inf, 9.5)}
    assert schema.forms == {"a": ColumnForm(PLAIN_NUMBER), "b": ColumnForm(ClockForm())}

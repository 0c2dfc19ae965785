"""The forms of the columns of a training table; see test_cases for the files."""

from __future__ import annotations

import pyarrow as pa
import pytest

from anomaly_vae_pipelines.dialects import columns
from anomaly_vae_pipelines.dialects.columns import distinct_texts, find_forms
from anomaly_vae_pipelines.dialects.dialect import NOTHING, PLAIN, Dialect, Given
from anomaly_vae_pipelines.dialects.numbers import texts_of
from anomaly_vae_pipelines.errors import AmbiguousError

SEMICOLON = Dialect(separator=";")


def forms(given=NOTHING, dialect=PLAIN, **cells):
    table = pa.table({name: texts_of(texts) for name, texts in cells.items()})
    dialect, found = find_forms(table, dialect, given, "a.csv")
    return dialect.marks, {name: form.shown for name, form in found.items()}


def test_plain_columns_have_no_form():
    assert forms(a=["1.5", "2"], b=["x", "y"]) == ((".", ""), {})


def test_a_column_that_decides_the_marks_decides_for_all():
    marks, found = forms(a=["1.234", "2.345"], b=["1,5", "2,5"])
    assert marks == (",", "")
    assert found == {"a": "numbers such as 1.234", "b": "numbers such as 1,5"}


def test_columns_that_differ_keep_their_own_marks():
    _, found = forms(a=["1.25", "2.5"], b=["1,5", "2,5"], c=["3,5", "4,5"])
    assert found == {"b": "numbers such as 1,5", "c": "numbers such as 3,5"}


def test_nothing_that_decides_is_a_question():
    with pytest.raises(AmbiguousError, match=r"column 'a': '1.234' .*--decimal \. or --thousands \."):
        forms(dialect=SEMICOLON, a=["1.234", "2.345"])
    assert forms(Given(thousands="."), SEMICOLON, a=["1.234", "2.345"])[0] == (",", ".")


def test_between_commas_a_point_is_the_decimal_mark():
    """If it marked thousands, a comma would be the decimal mark, as in other columns of the file."""
    assert forms(a=["1.234", "2.345"])[0] == (".", "")
    assert forms(a=["1.234", "2.345"], b=["1,5", "2,5"])[0] == (",", "")


def test_words_among_numbers_are_missing():
    assert forms(a=["1", "-", "3"], b=["x", "-", "y"])[1] == {"a": "numbers such as 1 with - for missing"}


WHOLE = [str(number) for number in range(100, 2000)]
POINTS = [f"{number % 50}.{number}" for number in range(2000)]


@pytest.mark.parametrize(
    "cells",
    [
        WHOLE,
        POINTS,
        [*WHOLE, "2.5"],
        [*WHOLE, "2,5"],
        [*WHOLE, "-"],
        [*WHOLE, "x"],
        [*WHOLE, "", "NA", " 7 "],
        [*POINTS, "1,234.5"],
        [*POINTS, "?"],
        [*POINTS, "7"],
        [*(str(number) for number in range(3000, 1000, -1)), "0999"],
    ],
)
def test_many_plain_cells_are_read_as_all_cells_are(cells, monkeypatch):
    """The check by the first cells and a cast only saves time; later cells may decide otherwise."""
    fast = forms(a=cells, b=["x"] * len(cells))
    monkeypatch.setattr(columns, "_plain", lambda *arguments: None)
    assert forms(a=cells, b=["x"] * len(cells)) == fast


@pytest.mark.parametrize("text", ["-999", "-9999999", "-99.99", "-1e30"])
def test_many_plain_cells_may_hold_a_sentinel(text):
    with pytest.raises(AmbiguousError, match="occurs 2 times"):
        forms(a=[*POINTS, text, text])


def test_missing_words_are_not_distinct_texts():
    column = texts_of(["x", " x", "?", "NA", None])
    assert distinct_texts(column, Dialect(missing=("?",))).to_pylist() == ["x"]
    assert distinct_texts(column, Dialect(values=("NA",))).to_pylist() == ["x", "?", "NA"]


def test_forms_are_stored_by_name():
    _, found = find_forms(pa.table({"a": texts_of(["1 kg"])}), PLAIN, NOTHING, "a.csv")
    assert {name: form.as_json() for name, form in found.items()} == {"a": {"form": "number", "suffix": "kg"}}

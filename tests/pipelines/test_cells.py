"""What the text of a cell means."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cells import MISSING, collect, text_chunks, text_frame
from pipelines.errors import MixedColumnWarning
from pipelines.records import TextChunk


def typed_column(*cells: str) -> pd.Series:
    return collect([TextChunk(("c",), [[cell] for cell in cells], range(2, len(cells) + 2))])["c"]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_written_floats_read_back_bit_for_bit(values):
    """A float's repr means that float, infinities too."""
    assert typed_column(*map(repr, values)).tolist() == values


@pytest.mark.parametrize("word", sorted(MISSING))
def test_missing_words_are_missing_in_every_column(word):
    """Words for nothing hold nothing, among numbers and among text, with spaces around them or not."""
    assert typed_column(word, "1", f" {word} ").isna().tolist() == [True, False, True]
    assert typed_column(word, "x").isna().tolist() == [True, False]


def test_truth_values_are_told_by_both_words():
    """true and false in any case are truth values; one word alone is text, as it may be any word."""
    assert typed_column("true", "FALSE", "").tolist() == [True, False, pd.NA]
    assert typed_column("true", "true").tolist() == ["true", "true"]


def test_a_column_with_any_other_cell_is_text():
    """Half numbers is text, and cells stay as they are."""
    assert typed_column("1", "01", "x", "y").tolist() == ["1", "01", "x", "y"]


def test_a_few_slips_in_a_column_of_numbers_are_pointed_out():
    """The warning names the column, the first slip and its line."""
    with pytest.warns(MixedColumnWarning, match=r"'c' is read as text.* 2 of its cells.*'abc' on line 32"):
        column = typed_column(*map(str, range(30)), "abc", "1,5")
    assert column.iloc[0] == "0"


def test_a_column_of_nothing_is_a_column_of_missing_numbers():
    """No cell says what the column is."""
    column = typed_column("", "NA")
    assert column.isna().all()
    assert column.dtype == np.float64


def test_numbers_are_asked_for_by_name():
    """A column that is meant to be numbers is, unless a cell is none; others stay text."""
    chunk = TextChunk(("a", "b", "c"), [["1", "2", "3"], ["", "x", "4"]])
    frame = text_frame(chunk, ["a", "b", "c"], numeric={"a", "b"})
    assert frame["a"].iloc[0] == 1.0
    assert np.isnan(frame["a"].iloc[1])
    assert frame["b"].tolist() == ["2", "x"]
    assert frame["c"].tolist() == ["3", "4"]


def test_types_are_those_of_all_chunks():
    """A column that is numbers in one chunk and text in another is text, cells as they were."""
    parts = [["01"], ["2"]], [["x"], ["y"]]
    table = collect(TextChunk(("a",), rows, [2, 3]) for rows in parts)
    assert table["a"].tolist() == ["01", "2", "x", "y"]


def test_chosen_columns_come_in_the_chosen_order():
    """The order of the file does not matter, nor do other columns."""
    frame = text_frame(TextChunk(("a", "b", "c"), [["1", "2", "3"]]), ["c", "a"])
    assert frame.columns.tolist() == ["c", "a"]
    assert frame.iloc[0].tolist() == ["3", "1"]


def test_a_chunk_without_rows_has_its_columns():
    """A header alone becomes an empty table."""
    assert text_frame(TextChunk(("a", "b"), []), ["b"]).shape == (0, 1)


def test_a_table_becomes_text_that_reads_back_as_the_same_table():
    """Floats keep every bit, whole floats lose their point, missing cells are empty."""
    table = pd.DataFrame({"f": [0.1, 3.0, math.nan], "b": [True, False, True], "s": ["x", None, "007"]})
    chunks = list(text_chunks(table, max_rows=2))
    assert [len(chunk.rows) for chunk in chunks] == [2, 1]
    assert chunks[0].rows == [("0.1", "true", "x"), ("3", "false", "")]
    back = collect([TextChunk(c.columns, c.rows, range(len(c.rows))) for c in chunks])
    assert back["f"].tolist()[:2] == [0.1, 3.0]
    assert back["b"].tolist() == [True, False, True]


def test_a_table_without_rows_is_a_chunk_without_rows():
    """Even nothing has a header."""
    (chunk,) = text_chunks(pd.DataFrame({"a": []}), max_rows=5)
    assert (chunk.columns, chunk.rows) == (("a",), [])

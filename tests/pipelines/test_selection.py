"""Stages that keep some rows or columns."""

from __future__ import annotations

import pytest

from pipelines.errors import UnknownNameError
from pipelines.records import Label, TextChunk
from pipelines.selection import OnlyNormal, Without, require

CHUNK = TextChunk(("id", "label"), [["1", "ok"], ["2", "bad"], ["3", "ok"]], [2, 3, 4], "a.csv")


def test_only_normal_rows_pass_with_their_lines():
    """A kept row still knows where it came from."""
    (kept,) = OnlyNormal(Label("label", "ok"))([CHUNK])
    assert kept.rows == [["1", "ok"], ["3", "ok"]]
    assert list(kept.lines) == [2, 4]


def test_a_chunk_without_normal_rows_is_fine_if_another_has_some():
    """Only a whole file without a normal row is refused."""
    other = TextChunk(("id", "label"), [["4", "bad"]], [5], "a.csv")
    assert [len(chunk.rows) for chunk in OnlyNormal(Label("label", "ok"))([other, CHUNK])] == [0, 2]


def test_a_label_value_that_no_row_has_is_refused():
    """The message tells what the label holds and what is nearest."""
    with pytest.raises(UnknownNameError, match=r"no row has 'OK' .*it holds 'ok', 'bad'.*did you mean 'ok'"):
        list(OnlyNormal(Label("label", "OK"))([CHUNK]))


def test_columns_are_left_out_and_rows_kept():
    """What is named goes, all else stays as it was."""
    (rest,) = Without(["label"])([CHUNK])
    assert (rest.columns, rest.rows) == (("id",), [["1"], ["2"], ["3"]])


def test_a_column_that_is_not_there_is_refused_with_the_nearest():
    """A misspelt name is no silent success."""
    with pytest.raises(UnknownNameError, match=r"a.csv: there is no column 'labl'; did you mean 'label'"):
        list(Without(["labl"])([CHUNK]))


def test_another_delimiter_is_pointed_out():
    """A file with one column and semicolons in its name was meant to have more."""
    with pytest.raises(UnknownNameError, match=r"parted by ';'; wanted commas"):
        require(["id"], TextChunk(("id;label",), [], [], "a.csv"))

"""Which rows and columns to take."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.sources.selection import only_normal, require_columns, without
from tests.anomaly_vae_pipelines.conftest import text_rows

ROWS = text_rows(("id", "label"), [["1", "ok"], ["2", "bad"], ["3", "ok"]])


def test_only_normal_rows_pass_with_their_lines():
    """A kept row still knows where it came from."""
    (kept,) = only_normal([ROWS], Label("label", "ok"))
    assert kept.cells("id") == ["1", "3"]
    assert kept.numbers.tolist() == [2, 4]


def test_a_piece_without_normal_rows_is_fine_if_another_has_some():
    """Only a file without any normal row is rejected."""
    other = text_rows(("id", "label"), [["4", "bad"]])
    assert [len(piece) for piece in only_normal([other, ROWS], Label("label", "ok"))] == [0, 2]


def test_a_label_value_that_no_row_has_is_rejected():
    """The message tells what the label holds and what is nearest."""
    with pytest.raises(UnknownNameError, match=r"no row has 'OK'.*values: 'ok', 'bad'.*did you mean 'ok'"):
        list(only_normal([ROWS], Label("label", "OK")))


def test_columns_are_left_out_in_order():
    """What is named goes, all else stays as it was."""
    assert without(("c", "a", "b"), ["a"]) == ["c", "b"]


def test_a_column_that_is_not_there_is_rejected_with_the_nearest():
    """A misspelt name is an error."""
    with pytest.raises(UnknownNameError, match=r"a.csv: there is no column 'labl'; did you mean 'label'"):
        require_columns(["labl"], ROWS, name="a.csv")


def test_a_column_that_is_like_no_other_is_rejected_with_those_there_are():
    """Up to eight of them."""
    with pytest.raises(UnknownNameError, match=r"no column 'nope'; its columns are id, label$"):
        require_columns(["nope"], ROWS, name="a.csv")
    many = text_rows([f"x{i}" for i in range(1000)], [])
    with pytest.raises(UnknownNameError, match=r"no column 'nope'; its columns are x0, .*, x7 and 992 more$"):
        require_columns(["nope"], many, name="a.csv")


def test_another_delimiter_is_pointed_out():
    """A file with one column and semicolons in its name was meant to have more."""
    with pytest.raises(UnknownNameError, match=r"delimiter seems to be ';'; wanted commas"):
        require_columns(["id"], text_rows(("id;label",), []), name="a.csv")

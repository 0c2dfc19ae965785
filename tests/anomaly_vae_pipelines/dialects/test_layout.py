"""Where the names and the rows of a text are."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.dialect import PLAIN, Dialect
from anomaly_vae_pipelines.dialects.layout import find_layout, rows_of
from anomaly_vae_pipelines.errors import AmbiguousError


def layout(*lines, width=2, dialect=PLAIN, **settings):
    return find_layout(lines, dialect, width, "a.csv", **settings)


def test_the_first_row_follows_the_names():
    found = layout("a,b", "1,2", "3,4")
    assert (found.names, found.header_line, found.n_lines) == (("a", "b"), 0, 1)


def test_titles_and_empty_lines_are_skipped():
    assert layout("Export", "", "a,b", "1,2", "3,4")[:3] == (("a", "b"), 2, 3)


def test_units_are_not_a_row():
    assert layout("t,p", "[s],[hPa]", "1,2", "3,4", "5,6").n_lines == 2
    assert layout("t,p", "1,2", "3,4").n_lines == 1


def test_names_may_be_in_the_last_comment():
    found = layout("# t p", "1,2", "3,4", dialect=Dialect(comment="#"))
    assert found.names == ("# t p",) or found.header_line is None


def test_columns_without_names_are_numbered():
    assert layout("1,2", "3,4").names == ("column_1", "column_2")
    assert layout("a,,", "1,2,3", "2,3,4", width=3).names == ("a", "column_2", "column_3")


def test_row_names_need_no_name():
    assert layout("a,b", "r,1,2", "s,3,4", width=3).names == ("", "a", "b")
    assert layout("a,b", "1,2,", "3,4,", width=3).names == ("a", "b", "column_3")


def test_names_or_values_are_asked_about():
    with pytest.raises(AmbiguousError, match="--header or --no-header"):
        layout("x,7", "1,2", "3,4")
    assert layout("x,7", "1,2", "3,4", header=False).names == ("column_1", "column_2")
    assert layout("x,7", "1,2", "3,4", expected=["x"]).names == ("x", "7")


def test_rows_have_the_number_of_lines_before_them():
    assert [row.line for row in rows_of(['a,"b', 'c"', "", "1,2"], PLAIN)] == [0, 3]

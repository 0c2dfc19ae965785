"""The decimal and thousands marks of a file."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.dialects.marks import certain_marks, decide, marks_of_column, marks_of_rows
from anomaly_vae_pipelines.dialects.numbers import texts_of


@pytest.mark.parametrize(
    ("rows", "marks"),
    [
        ([["1,5", "x"], ["2,5", "y"]], (",", "")),
        ([["1.234", "1,5"]], (",", "")),
        ([["1.234,5", "x"]], (",", ".")),
        ([["1.234", "x"]], None),
        ([["12", "x"]], ("", "")),
        ([["1.5", "1,5"]], None),
        ([], ("", "")),
    ],
)
def test_the_columns_decide_together(rows, marks):
    assert certain_marks(rows, ()) == marks
    assert marks_of_rows(rows, ()) == ((marks[0] or ".", marks[1]) if marks else (".", ""))


def test_missing_cells_decide_nothing():
    assert certain_marks([["1,5", "?"], ["-", "n.d."]], ("n.d.",)) == (",", "")


def test_text_has_no_marks():
    assert marks_of_column(texts_of(["a,b"])) == []
    assert decide([[], []]) == ("", "")

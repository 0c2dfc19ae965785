"""What a cell means."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.errors import MixedColumnWarning
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.sources.cells import collect, plain_table, scoring_frame, table_pieces
from tests.anomaly_vae_pipelines.conftest import text_rows


def typed_column(*cells: str) -> pd.Series:
    return collect([text_rows(("c",), [[cell] for cell in cells])])["c"]


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_written_floats_read_back_bit_for_bit(values):
    """A float's repr means that float, infinities too."""
    assert typed_column(*map(repr, values)).tolist() == values


@pytest.mark.parametrize("word", sorted(MISSING))
def test_missing_words_are_missing_in_every_column(word):
    """Words for nothing hold nothing, among numbers and among text, with spaces around them or not."""
    assert typed_column(word, "1", f" {word} ").isna().tolist() == [True, False, True]
    assert typed_column(word, "x").isna().tolist() == [True, False]


def test_booleans_are_recognised_by_both_words():
    """true and false in any case are booleans; one word alone is text, as it may be any word."""
    assert typed_column("true", "FALSE", "").tolist() == [True, False, pd.NA]
    assert typed_column("true", "true").tolist() == ["true", "true"]


def test_a_column_with_any_other_cell_is_text():
    """Half numbers is text, and cells stay as they are."""
    assert typed_column("1", "01", "x", "y").tolist() == ["1", "01", "x", "y"]


def test_a_few_errors_in_a_column_of_numbers_are_reported():
    """The warning names the column, the first invalid cell and its line."""
    with pytest.warns(MixedColumnWarning, match=r"'c' is read as text.* 2 cells.*'abc' on line 32"):
        column = typed_column(*map(str, range(30)), "abc", "1,5")
    assert column.iloc[0] == "0"


def test_a_word_in_many_cells_of_a_column_of_numbers_is_reported():
    """It may mean a missing value; many words, or numbers of few values, are codes."""
    numbers = [f"{number}.5" for number in range(30)]
    with pytest.warns(MixedColumnWarning, match=r"because of 20 cells, the first 'unknown'.*--na"):
        typed_column(*numbers, *["unknown"] * 20)
    typed_column(*numbers, *"abcde")
    typed_column(*["1", "2", "3"] * 10, *["A"] * 10)


def test_numbers_with_points_and_commas_are_reported():
    """Neither reading fits all cells; versions, which may have several points, are text."""
    with pytest.warns(MixedColumnWarning, match=r"'c' is read as text.*a comma, the first '6,5' on line 2"):
        assert typed_column("6,5", "6.5", "7,25", "8.5").tolist() == ["6,5", "6.5", "7,25", "8.5"]
    assert typed_column("1.2", "2.0.1", "1.10").tolist() == ["1.2", "2.0.1", "1.10"]


def test_a_column_of_nothing_is_a_column_of_missing_numbers():
    """No cell says what the column is."""
    column = typed_column("", "NA")
    assert column.isna().all()
    assert column.dtype == np.float64


def test_types_are_those_of_all_pieces():
    """A column that is numbers in one piece and text in another is text, cells as they were."""
    table = collect([text_rows(("a",), [["01"], ["2"]]), text_rows(("a",), [["x"], ["y"]])])
    assert table["a"].tolist() == ["01", "2", "x", "y"]


def test_typed_columns_stay_what_they_are():
    """Types of Parquet are kept; a list is not a valid cell."""
    table = pa.table(
        {
            "d": pa.array([Decimal("1.5")]),
            "c": pa.array(["x"]).dictionary_encode(),
            "t": [dt.date(2026, 1, 5)],
            "n": pa.nulls(1),
        }
    )
    frame = collect([Rows("a.parquet", tuple(table.column_names), table, np.array([1]))])
    assert frame["d"].tolist() == [1.5]
    assert frame["c"].tolist() == ["x"]
    assert frame["t"].iloc[0] == pd.Timestamp("2026-01-05")
    assert frame["n"].isna().all()
    with pytest.raises(InputError, match="column 'l' has type list"):
        plain_table(pa.table({"l": [[1]]}))


def test_text_that_may_be_numbers_is_if_all_of_it_is():
    """A Pipeline gets a column as numbers or as text, never as a mixture."""
    table = pa.table({"a": ["1", None], "b": ["2", "x"]})
    frame = scoring_frame(table, maybe_numbers=["a", "b"])
    assert frame["a"].iloc[0] == 1.0
    assert np.isnan(frame["a"].iloc[1])
    assert frame["b"].tolist() == ["2", "x"]


def test_a_table_becomes_text_that_reads_back_as_the_same_table():
    """Floats keep every bit, whole floats lose their point, missing cells are empty."""
    table = pd.DataFrame({"f": [0.1, 3.0, math.nan], "b": [True, False, True], "s": ["x", None, "007"]})
    pieces = list(table_pieces(table, max_rows=2))
    assert [len(piece) for piece in pieces] == [2, 1]
    assert pieces[0].to_pydict() == {"f": ["0.1", "3"], "b": ["true", "false"], "s": ["x", ""]}
    back = collect(Rows("", ("f", "b", "s"), piece, np.arange(len(piece))) for piece in pieces)
    assert back["f"].tolist()[:2] == [0.1, 3.0]
    assert back["b"].tolist() == [True, False, True]


def test_a_table_without_rows_is_a_piece_without_rows():
    """Even nothing has a header."""
    (piece,) = table_pieces(pd.DataFrame({"a": []}), max_rows=5)
    assert (piece.column_names, len(piece)) == (["a"], 0)

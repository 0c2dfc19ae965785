"""What CSV and JSON Lines have in common: text that may be numbers."""

from __future__ import annotations

import pyarrow as pa
import pytest

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource
from anomaly_vae_pipelines.sources.text import cast_columns

CONTENT = {
    "a.csv": b"n,t\n1,x\nNA,\nsoon,y\n2.5,NA\n",
    "a.jsonl": b'{"n": 1, "t": "x"}\n{"n": "NA", "t": ""}\n{"n": "soon", "t": "y"}\n{"n": 2.5, "t": "NA"}\n',
}


@pytest.fixture(params=[DelimitedSource, JsonLinesSource])
def source(request, tmp_path):
    """The same rows in both formats."""
    name = "a.csv" if request.param is DelimitedSource else "a.jsonl"
    (tmp_path / name).write_bytes(CONTENT[name])
    with request.param(str(tmp_path / name)) as opened:
        yield opened


def test_a_row_with_an_invalid_number_is_rejected(source):
    """The others have numbers and null; the reason names the column and the cell."""
    (block,) = source.blocks()
    rows, rejected = source.read(block, ["n", "t"], ["n"])
    assert rows.table.to_pydict() == {"n": [1.0, None, 2.5], "t": ["x", None, None]}
    (row,) = rejected
    assert (row.kind, row.reason) == ("number", "column 'n': wanted a number, got 'soon'")
    assert row.number == int(rows.numbers[1]) + 1
    assert b"soon" in row.raw


@pytest.mark.parametrize("cell", ["1,234.5", "1.234,5", "12,5", "1 234", "-1'234'567"])
def test_a_number_with_other_marks_is_rejected_with_the_way_out(cell):
    _, errors = cast_columns(pa.table({"a": [cell]}), {"a"})
    hint = "; name its marks with --thousands and --decimal, or write it as 1234.5"
    assert errors == {0: f"column 'a': wanted a number, got {cell!r}{hint}"}


def test_a_column_that_is_not_numeric_is_text(source):
    """No row is rejected because of a column that is not read as numbers."""
    (block,) = source.blocks()
    rows, rejected = source.read(block, ["n"])
    assert (rows.cells("n"), rejected) == (["1", "", "soon", "2.5"], [])


def test_whole_rows_keep_the_words_of_the_file(source):
    """Only an empty cell is null, as text has no null; numbers are numbers."""
    (block,) = source.blocks()
    whole = source.read(block, ["n"], ["n"], whole=True).rows.whole
    assert whole.to_pydict() == {"n": [1.0, None, 2.5], "t": ["x", None, "NA"]}


def test_the_first_invalid_cell_of_a_row_is_reported():
    """Typed columns are unchanged."""
    table = pa.table({"a": ["x", "1"], "b": ["y", "z"], "c": [1, 2]})
    cast, errors = cast_columns(table, {"a", "b", "c"})
    assert {row: text.split(":")[0] for row, text in errors.items()} == {0: "column 'a'", 1: "column 'b'"}
    assert cast.column("c").type == pa.int64()


def test_a_source_whose_header_is_invalid_closes_its_file(tmp_path, recwarn):
    """No ResourceWarning follows."""
    for kind, content in ((DelimitedSource, b""), (JsonLinesSource, b"1\n")):
        path = tmp_path / "a"
        path.write_bytes(content)
        with pytest.raises(SourceError):
            kind(str(path))
    assert not recwarn.list

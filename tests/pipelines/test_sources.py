"""CSV files to chunks of text."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from pipelines.errors import SourceError
from pipelines.records import TextChunk
from pipelines.sources import read_csv, read_table


def chunks_of(path: Path, content: bytes, **options: int) -> list[TextChunk]:
    path.write_bytes(content)
    return list(read_csv(str(path), **options))


def refusal_of(path: Path, content: bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        chunks_of(path, content)
    return caught.value


def test_cells_come_as_they_were_written(tmp_path):
    """Leading zeros, spaces, quotes, commas and line breaks inside cells are kept."""
    (chunk,) = chunks_of(tmp_path / "a.csv", b'id,text\n007," a, ""b""\nc"\n,x \n')
    assert chunk.columns == ("id", "text")
    assert chunk.rows == [["007", ' a, "b"\nc'], ["", "x "]]


def test_a_row_knows_the_line_on_which_it_begins(tmp_path):
    """Line breaks inside cells and empty lines count as lines, not as rows."""
    (chunk,) = chunks_of(tmp_path / "a.csv", b'a,b\n1,"x\ny\nz"\n\n2,w\n')
    assert list(chunk.lines) == [2, 6]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "old mac"])
def test_every_line_ending_is_read(tmp_path, ending):
    """Files of all systems read the same, with or without a last line ending."""
    for last in (b"", ending):
        (chunk,) = chunks_of(tmp_path / "a.csv", ending.join([b"a,b", b"1,2", b"3,4"]) + last)
        assert chunk.rows == [["1", "2"], ["3", "4"]]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    """What spreadsheets put in front of UTF-8 is skipped."""
    (chunk,) = chunks_of(tmp_path / "a.csv", b'\xef\xbb\xbf"a",b\n1,2\n')
    assert chunk.columns == ("a", "b")


def test_chunks_are_bounded_and_lose_no_row(tmp_path):
    """A chunk has as many rows as the bound on cells allows, one at least."""
    content = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i) for i in range(7))
    assert [len(c.rows) for c in chunks_of(tmp_path / "a.csv", content, max_cells=6)] == [3, 3, 1]
    assert [len(c.rows) for c in chunks_of(tmp_path / "a.csv", content, max_cells=1)] == [1] * 7
    lines = [line for c in chunks_of(tmp_path / "a.csv", content, max_cells=6) for line in c.lines]
    assert lines == list(range(2, 9))


def test_a_header_alone_is_a_chunk_without_rows(tmp_path):
    """Whoever reads learns the columns even where no row follows."""
    (chunk,) = chunks_of(tmp_path / "a.csv", b"a,b\n")
    assert (chunk.columns, chunk.rows) == (("a", "b"), [])


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_gzip_is_recognised_by_its_content(tmp_path, name):
    """The name of a compressed file doesn't matter, several members are one file."""
    (chunk,) = chunks_of(tmp_path / name, gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert chunk.rows == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_dash_is_standard_input(monkeypatch, packed):
    """Standard input is read plain and compressed, and left open."""
    content = b"a\n1\n"
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(content) if packed else content))
    monkeypatch.setattr(sys, "stdin", stdin)
    (chunk,) = read_csv("-")
    assert (chunk.rows, chunk.source) == ([["1"]], "standard input")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "is empty"),
        (b"\n\n", None, "is empty"),
        (b"a,b,a\n1,2,3\n", 1, "2 columns are named 'a'"),
        (b"a,b\n1,2\n3\n", 3, "wanted 2 cells as in the header, got 1"),
        (b"a,b\n1,2\n3,4,5\n", 3, "wanted 2 cells as in the header, got 3"),
        (b'a,b\n1,"2\n3,4\n', 2, "not CSV (unexpected end of data)"),
        (b'a,b\n1,2\n3,"4" 5\n', 3, "not CSV"),
        (b"a,b\n1,\x00\n", 2, "NUL"),
        (b"a,b\n1,\xe9\n", 2, "byte 0xe9 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), 1, "is not UTF-8"),
        (gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], None, "gzip"),
    ],
    ids=["empty", "blank", "double", "short", "long", "open", "quote", "nul", "latin", "utf16", "cut gzip"],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, line, words):
    """The message names the file, the line and what was wanted."""
    path = tmp_path / "bad.csv"
    error = refusal_of(path, content)
    assert str(error).startswith(str(path))
    assert words in str(error)
    assert "\n" not in str(error)
    if line is not None:
        assert f"line {line}:" in str(error)


@pytest.mark.parametrize("name", ["missing.csv", ""], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    """A missing file and a directory are refused by name."""
    with pytest.raises(SourceError, match="cannot be opened"):
        next(read_csv(str(tmp_path / name)))


def test_a_table_is_read_whole_with_types(tmp_path):
    """Numbers, truth values and text are told apart; missing cells are NaN."""
    path = tmp_path / "a.csv"
    path.write_text("n,t,s\n1,true,a\nNA,False,\n2.5,,null\n")
    table = read_table(str(path))
    assert table["n"].tolist()[::2] == [1.0, 2.5]
    assert table["t"].tolist()[:2] == [True, False]
    assert table.isna().sum().to_dict() == {"n": 1, "t": 1, "s": 2}

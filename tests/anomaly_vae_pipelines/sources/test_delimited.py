"""CSV files to blocks of rows."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rejected, Rows
from anomaly_vae_pipelines.sources import read_rows
from anomaly_vae_pipelines.sources.delimited import DelimitedSource

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
BROKEN = st.lists(
    st.one_of(
        st.sampled_from(
            [b"1,2", b'"a,b",2', b'"x\ny",2', b"3", b"1,2,3", b'4,"', b'5,"x"y', b"\xff,1", b"a\0,1"]
        ),
        st.text(st.sampled_from('ab,"\n\r 1'), max_size=8).map(str.encode),
        st.binary(max_size=5),
    ),
    max_size=12,
).map(b"\n".join)


def read_all(path: Path, content: bytes, numeric=(), **options) -> tuple[list[Rows], list[Rejected]]:
    path.write_bytes(content)
    with DelimitedSource(str(path), **options) as source:
        read = [source.read(block, source.columns, numeric) for block in source.blocks()]
    return [rows for rows, _ in read], [row for _, rejected in read for row in rejected]


def cells_of(rows: Rows) -> list[list[str]]:
    return [list(row) for row in zip(*(rows.cells(name) for name in rows.columns), strict=True)]


def test_rows_keep_their_bytes_and_cells_their_text(tmp_path):
    """Leading zeros, spaces, quotes, commas and line breaks inside cells are kept."""
    (rows,), _ = read_all(tmp_path / "a.csv", b'id,text\n007," a, ""b""\nc"\n,x \n')
    assert cells_of(rows) == [["007", ' a, "b"\nc'], ["", "x "]]
    assert rows.raw.to_pylist() == [b'007," a, ""b""\nc"', b",x "]


def test_a_row_knows_the_line_on_which_it_begins(tmp_path):
    """Line breaks inside cells and empty lines count as lines, not as rows."""
    (rows,), _ = read_all(tmp_path / "a.csv", b'\na,b\n1,"x\ny\nz"\n\n2,w\n')
    assert rows.numbers.tolist() == [3, 7]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "old mac"])
def test_every_line_ending_is_read(tmp_path, ending):
    """Files of all systems read the same, with or without a last line ending."""
    for last in (b"", ending):
        (rows,), _ = read_all(tmp_path / "a.csv", ending.join([b"a,b", b"1,2", b"3,4"]) + last)
        assert cells_of(rows) == [["1", "2"], ["3", "4"]]
        assert rows.raw.to_pylist() == [b"1,2", b"3,4"]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    """What spreadsheets put in front of UTF-8 is skipped."""
    (rows,), _ = read_all(tmp_path / "a.csv", b'\xef\xbb\xbf"a",b\n1,2\n')
    assert rows.columns == ("a", "b")


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=30),
    st.integers(1, 60),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read_back_in_blocks_of_any_size(tmp_path, table, size, quoting):
    """Blocks lose no row and change no cell, wherever they are cut."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(["a", "b"])
    has_return = any("\r" in cell for row in table for cell in row)  # which Python 3.11 leaves bare
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else quoting)
    writer.writerows(table)
    pieces, rejected = read_all(tmp_path / "a.csv", stream.getvalue().encode(), block_bytes=size)
    wanted = [["" if cell.strip() in MISSING else cell for cell in row] for row in table]
    assert [row for rows in pieces for row in cells_of(rows)] == wanted
    assert not rejected


@given(BROKEN, st.integers(1, 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_broken_csv_loses_no_row(tmp_path, body, size):
    """Every byte with something on it is in a row or in a rejected row, once, wherever blocks are cut."""
    pieces, rejected = read_all(tmp_path / "a.csv", b"a,b\n" + body, block_bytes=size)
    found = {
        int(number): raw
        for rows in pieces
        for number, raw in zip(rows.numbers, rows.raw.to_pylist(), strict=True)
    }
    assert not found.keys() & {row.number for row in rejected}
    found |= {row.number: row.raw for row in rejected}
    kept = b"".join(found[number] for number in sorted(found))
    assert kept.translate(None, b"\r\n") == body.translate(None, b"\r\n")


@given(BROKEN, st.integers(1, 40), st.integers(1, 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_row_is_accepted_or_rejected_independently_of_others(tmp_path, body, one, other):
    """Which rows are refused does not depend on what stands in the same block."""
    content = b"a,b\n" + body + b"\n1,2\n"
    outcomes = []
    for size in (one, other):
        pieces, rejected = read_all(tmp_path / "a.csv", content, block_bytes=size)
        outcomes.append(
            (
                [
                    (int(n), row)
                    for rows in pieces
                    for n, row in zip(rows.numbers, cells_of(rows), strict=True)
                ],
                [(row.number, row.kind) for row in rejected],
            )
        )
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("n_rows", [5, 400])
def test_reading_can_start_at_any_block(tmp_path, n_rows):
    """The same position gives the same blocks."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"".join(b'%d,"x\n%d"\n' % (i, i) for i in range(n_rows)))
    for packed in (path, tmp_path / "a.csv.gz"):
        packed.write_bytes(gzip.compress(path.read_bytes()) if packed.suffix == ".gz" else path.read_bytes())
        with DelimitedSource(str(packed), block_bytes=64) as source:
            blocks = list(source.blocks())
        for number in {0, len(blocks) // 2, len(blocks) - 1}:
            with DelimitedSource(str(packed), block_bytes=64) as source:
                again = list(source.blocks(blocks[number].start))
            assert [(b.start, b.end, b.content[0]) for b in again] == [
                (b.start, b.end, b.content[0]) for b in blocks[number:]
            ]
        with DelimitedSource(str(packed), block_bytes=64) as source:
            assert list(source.blocks(blocks[-1].end)) == []


def test_a_header_alone_has_no_rows(tmp_path):
    """The columns are known even without a row."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n")
    with DelimitedSource(str(path)) as source:
        (rows,) = read_rows(source)
    assert (rows.columns, len(rows), rows.table.column_names) == (("a", "b"), 0, ["a", "b"])


def _zstd(content: bytes) -> bytes:
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "zstd") as packed:
        packed.write(content)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, _zstd], ids=["gzip", "bz2", "zstd"])
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_compression_is_recognised_by_content(tmp_path, name, pack):
    """The name of a compressed file doesn't matter, several members are one file."""
    (rows,), _ = read_all(tmp_path / name, pack(b"a,b\n1,2\n") + pack(b"3,4\n"))
    assert cells_of(rows) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("packed", [False, True])
def test_a_dash_is_standard_input(monkeypatch, packed):
    """Standard input is read plain and compressed, and left open."""
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(b"a\n1\n") if packed else b"a\n1\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    with DelimitedSource("-") as source:
        (rows,) = read_rows(source)
    assert (cells_of(rows), rows.source) == ([["1"]], "standard input")
    assert not stdin.buffer.closed


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
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], None, "gzip"),
    ],
    ids=["empty", "blank", "double", "short", "long", "open", "quote", "nul", "latin", "utf16", "cut gzip"],
)
def test_an_invalid_table_is_rejected_in_one_line(tmp_path, content, line, words):
    """The message names the file, the line and what was wanted."""
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught, DelimitedSource(str(path)) as source:
        list(read_rows(source))
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert line is None or f"line {line}:" in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", ""], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_rejected(tmp_path, name):
    """A missing file and a directory are refused by name."""
    with pytest.raises(SourceError, match="cannot be opened"):
        DelimitedSource(str(tmp_path / name))


def test_numbers_are_cast_if_requested(tmp_path):
    """All spellings of a number are read; the row of a cell that is none is refused by line."""
    content = b"a,b\n 1.5,x\n+2,NA\n1e400,y\ninf,z\n NA ,w\n1_0,v\n0x1,u\nnan,t\n"
    (rows,), rejected = read_all(tmp_path / "a.csv", content, numeric={"a"})
    numbers = rows.table.column("a").to_pylist()
    assert numbers[:2] == [1.5, 2.0]
    assert numbers[2:4] == [float("inf")] * 2
    assert [number is None or number != number for number in numbers[4:]] == [True, True]
    assert [(row.number, row.reason) for row in rejected] == [
        (7, "column 'a': wanted a number, got '1_0'"),
        (8, "column 'a': wanted a number, got '0x1'"),
    ]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_number_is_the_same_float_whatever_the_other_cells_are(tmp_path, values, with_slip):
    """The quick way and the careful one round alike."""
    body = "".join(f"{value!r}\n" for value in values) + ("+1\n" if with_slip else "")
    (rows,), _ = read_all(tmp_path / "a.csv", b"a\n" + body.encode(), numeric={"a"})
    assert rows.table.column("a").to_pylist()[: len(values)] == values

"""Sources: a CSV file, plain or gzipped, or standard input, to chunks of text.

The reading is strict. What is no table of rows is refused in one line that names the file, the line
and the way out; no row is dropped, padded or guessed at. Only lines with nothing on them are skipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, TextIO, cast

import pandas as pd

from pipelines.cells import collect
from pipelines.errors import SourceError
from pipelines.records import TextChunk

CHUNK_CELLS = 500_000
"""Cells held in memory at a time; a chunk has as many rows as fit in, and one at least."""

MAX_LINE = 1 << 26
"""Characters of the longest line that is read; a longer one is no CSV."""

_GZIP_MAGIC = b"\x1f\x8b"
_NOT_TEXT = re.compile("[\0\udc80-\udcff]")
"""NUL, or a byte that is no UTF-8 (which the decoder hands over as a lone surrogate)."""

Record = tuple[int, list[str]]


def read_csv(path: str, *, max_cells: int = CHUNK_CELLS) -> Iterator[TextChunk]:
    """Chunks of a CSV file with a header; ``-`` is standard input.

    The first chunk always comes, without rows where the file has only a header, so that whoever
    reads knows the columns. Raises SourceError where the file cannot be read as a table.
    """
    name = "standard input" if path == "-" else path
    with _open_text(path) as stream:
        records = _records(_lines(stream, name), name)
        columns = _header(next(records, None), name)
        rows = _full_rows(records, len(columns), name)
        size = max(1, max_cells // len(columns))
        yield _chunk(columns, islice(rows, size), name)
        for first in rows:
            yield _chunk(columns, chain([first], islice(rows, size - 1)), name)


def read_table(path: str) -> pd.DataFrame:
    """A whole CSV file with columns of numbers, truth values and text; raises SourceError."""
    return collect(read_csv(path))


@contextmanager
def _open_text(path: str) -> Iterator[TextIO]:
    """The decompressed text of a file; bytes that are no UTF-8 come as lone surrogates."""
    with _open_binary(path) as binary:
        decoded = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
        try:
            yield decoded
        finally:
            decoded.detach()


@contextmanager
def _open_binary(path: str) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed where they begin as gzip does, whatever its name."""
    if path == "-":
        yield _decompressed(io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer)))
        return
    with _opened(path) as stream:
        yield _decompressed(stream)


def _opened(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise SourceError(path, None, f"cannot be opened ({error.strerror}); wanted a CSV file") from error


def _decompressed(stream: io.BufferedReader) -> IO[bytes]:
    magic = stream.peek(len(_GZIP_MAGIC))[: len(_GZIP_MAGIC)]
    unpacked = gzip.GzipFile(fileobj=stream) if magic == _GZIP_MAGIC else stream
    return cast(IO[bytes], unpacked)


def _lines(stream: TextIO, name: str) -> Iterator[str]:
    """Lines of text; raises SourceError at the first that is damaged, binary or not UTF-8."""
    number = 0
    try:
        for number, line in enumerate(iter(partial(stream.readline, MAX_LINE), ""), 1):
            if found := _NOT_TEXT.search(line):
                raise SourceError(name, number, _not_text(found.group()))
            if len(line) == MAX_LINE:
                raise SourceError(name, number, f"longer than {MAX_LINE} characters; wanted rows of CSV")
            yield line
    except (EOFError, OSError, zlib.error) as error:
        problem = f"cannot be read after this line ({error}); if it is gzip, it is damaged or cut short"
        raise SourceError(name, number, problem) from error


def _not_text(character: str) -> str:
    if character == "\0":
        return "holds a NUL byte; wanted text (a binary file? UTF-16?): save the file as CSV in UTF-8"
    byte = ord(character) - 0xDC00
    return f"byte 0x{byte:02x} is not UTF-8; save the file in UTF-8, such as with iconv -t utf-8"


def _records(lines: Iterable[str], name: str) -> Iterator[Record]:
    """Cells of each record with the line on which it begins; a record may span lines."""
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(lines, strict=True)
    start = 1
    try:
        for cells in reader:
            if cells:
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        problem = f"not CSV ({error}); wanted cells with a comma, quote or line break in double quotes"
        raise SourceError(name, start, problem) from error


def _header(record: Record | None, name: str) -> tuple[str, ...]:
    """Names of the columns; raises SourceError where there is none or one comes twice."""
    if record is None:
        raise SourceError(name, None, "is empty; wanted a line of column names and rows below it")
    line, columns = record
    column, count = Counter(columns).most_common(1)[0]
    if count > 1:
        problem = f"{count} columns are named {column!r}; wanted a name of its own for each, so rename them"
        raise SourceError(name, line, problem)
    return tuple(columns)


def _full_rows(records: Iterable[Record], width: int, name: str) -> Iterator[Record]:
    """The records as they are; raises SourceError at the first that is not ``width`` wide."""
    for line, cells in records:
        if len(cells) != width:
            problem = f"wanted {width} cells as in the header, got {len(cells)}"
            raise SourceError(name, line, f"{problem}; put cells that hold a comma in double quotes")
        yield line, cells


def _chunk(columns: tuple[str, ...], records: Iterable[Record], name: str) -> TextChunk:
    pairs = list(records)
    return TextChunk(columns, [cells for _, cells in pairs], [line for line, _ in pairs], name)

"""DelimitedSource: CSV in blocks of bytes; rows keep their bytes, and Arrow casts the wanted columns.

The dialect is found once, when the file is opened. Arrow parses each dialect, except for unusual ones, whose
blocks are rewritten as plain CSV first.

Arrow parses well-formed blocks. If it fails, or finds another number of rows, Python's strict reader
parses each record of the block, so that each bad row is reported with its line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Container, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from anomaly_vae_pipelines.arrow_arrays import arrow_booleans, arrow_numbers
from anomaly_vae_pipelines.dialects.dialect import PLAIN
from anomaly_vae_pipelines.dialects.encodings import is_single_byte
from anomaly_vae_pipelines.dialects.layout import Layout
from anomaly_vae_pipelines.dialects.missing import is_number_text, missing_words
from anomaly_vae_pipelines.dialects.numbers import NumberForm
from anomaly_vae_pipelines.dialects.reading import AS_PLAIN, HEAD_BYTES, SAMPLE_BYTES, Found, Reading
from anomaly_vae_pipelines.dialects.rewriting import rewritten
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import ParsedRows, Rejected, Rows
from anomaly_vae_pipelines.sources.blocks import BLOCK_BYTES, Block, Read
from anomaly_vae_pipelines.sources.selection import check_unique_names
from anomaly_vae_pipelines.sources.splitting import Offsets, RecordBounds, split_lines, split_records
from anomaly_vae_pipelines.sources.stream import ByteStream
from anomaly_vae_pipelines.sources.text import TextSource, cast_columns

MAX_CELL = 1 << 26
"""Characters of the longest cell that is accepted."""

_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = re.compile(b"\r\n|\n|\r")
_NEWLINE, _RETURN = b"\n\r"


class DelimitedSource(TextSource):
    """A CSV file, plain or compressed; ``-`` is standard input. Or plain bytes in memory.

    Without a ``reading`` it has commas and a header. Empty lines are skipped. Only complete lines of a
    ``growing`` file are read.

    Raises
    ------
    SourceError
        If it cannot be opened or has no valid header, and later if it is damaged.
    """

    def __init__(
        self,
        path: str | io.BytesIO,
        *,
        block_bytes: int = BLOCK_BYTES,
        growing: bool = False,
        reading: Reading | None = None,
    ) -> None:
        stream = ByteStream(path, split_records, block_bytes, growing=growing)
        with ExitStack() as on_error:
            on_error.push(stream)
            self._found = _find(stream, reading, growing)
            on_error.pop_all()
        self._not_floats = frozenset(self._found.forms) - _decimal_numbers(self._found)
        dialect = self._found.dialect
        self._missing = missing_words(dialect.missing, dialect.values)
        # A number that means a missing cell must not be parsed as a number.
        self._first_words = self._missing if any(map(is_number_text, dialect.missing)) else [""]
        self._separator = dialect.parsed_separator
        super().__init__(stream, dialect, self._found.forms)

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """Some columns of a block as text, those in ``numeric`` as numbers; with ``whole``, all as text."""
        data, split = self._plain(block)
        parsed = self.columns if whole else wanted
        starts, ends, lines = _extents(data, split)
        numbers = block.start.line + lines + 1
        raw = _slices(data, starts, ends)
        table = self._arrow_table(data, split, len(starts), parsed, numeric) if split.is_well_formed else None
        rejected: list[Rejected] = []
        if table is None:
            records = raw.to_pylist()
            rows_of_cells = [_cells_of(record, len(self.columns), self._separator) for record in records]
            positions = {name: self.columns.index(name) for name in parsed}
            kept, table, rejected = self._separated(records, numbers, rows_of_cells, positions)
            numbers, raw = numbers[kept], raw.filter(arrow_booleans(kept))
        rows = Rows(self.name, self.columns, table, numbers, raw)
        return self._finished(rows, rejected, wanted, numeric, whole)

    def read_quickly(self, block: Block, wanted: Sequence[str], likely: Collection[str]) -> Read:
        """Columns that are likely numbers are parsed as such, unless the block has another cell in one."""
        data, split = block.content
        is_plain = not self.dialect.is_rewritten and not self._is_single_byte
        if is_plain and split.is_well_formed:
            starts, ends, lines = _extents(data, split)
            types = {name: pa.float64() if name in likely else pa.string() for name in wanted}
            table = self._parsed(data, split, len(starts), types, [""])
            if table is not None:
                table, _ = cast_columns(table, (), self.dialect, self.forms)
                numbers, raw = block.start.line + lines + 1, _slices(data, starts, ends)
                again = partial(self._reread, tuple(wanted))
                return Read(ParsedRows(self.name, self.columns, table, numbers, raw, reread=again), [])
        return self.read(block, wanted)

    def _reread(self, wanted: Sequence[str], raw: pa.LargeBinaryArray, numbers: Offsets) -> Rows:
        """Rows as text, given their bytes."""
        data = b"".join(record + b"\n" for record in raw.to_pylist())
        content = data, split_records(data, at_end=True, separator=self._separator)
        return replace(self.read(Block(content), wanted).rows, numbers=numbers, raw=None)

    def _arrow_table(
        self, data: bytes, split: RecordBounds, n_rows: int, wanted: Sequence[str], numeric: Container[str]
    ) -> pa.Table | None:
        """The columns as Arrow parses them, with numbers if all are valid; None if it cannot.

        Checking for one spelling of a missing number is faster than for all, and is tried first.
        """
        for numbers, words in ((numeric, self._first_words), (numeric, self._missing), ((), [""])):
            is_float = {name: name in numbers and name not in self._not_floats for name in wanted}
            types = {name: pa.float64() if is_float[name] else pa.string() for name in wanted}
            table = self._parsed(data, split, n_rows, types, words)
            if table is not None:
                return table
        return None

    def _parsed(
        self, data: bytes, split: RecordBounds, n_rows: int, types: dict[str, pa.DataType], words: list[str]
    ) -> pa.Table | None:
        """The columns of some types, with some words for missing numbers; None if Arrow cannot parse them."""
        try:
            table = self._parse(data, types, words, split.has_quotes)
        except pa.ArrowInvalid:
            return None
        return table.select(list(types)) if table.num_rows == n_rows and _is_text(data) else None

    def _parse(
        self, data: bytes, types: dict[str, pa.DataType], missing: list[str], has_quotes: bool
    ) -> pa.Table:
        if not types:
            types = {self.columns[0]: pa.string()}
        return pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(
                column_names=list(self.columns), use_threads=False, block_size=len(data) + 1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._separator,
                quote_char='"' if has_quotes else False,
                newlines_in_values=has_quotes,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=missing,
                decimal_point=self.dialect.decimal,
            ),
        )

    def _plain(self, block: Block) -> tuple[bytes, RecordBounds]:
        """The bytes of a block and their records, in UTF-8 and without what Arrow cannot parse."""
        data, split = block.content
        if not self.dialect.is_rewritten and not self._is_single_byte:
            return data, split
        text = data.decode(self.dialect.encoding if self._is_single_byte else "utf-8", "backslashreplace")
        text = rewritten(text, self.dialect) if self.dialect.is_rewritten else text
        data = text.encode()
        return data, split_records(data, at_end=True, separator=self._separator)

    @property
    def _is_single_byte(self) -> bool:
        """Whether blocks are in a single-byte encoding; those of others are UTF-8 when they are read."""
        return self.dialect.encoding != "utf-8" and is_single_byte(self.dialect.encoding)

    def _read_head(self) -> tuple[bytes, tuple[str, ...]]:
        """Read past the header; returns its line and the names."""
        layout = self._found.layout
        if layout is not None:
            return self._skip_to_rows(layout)
        if self._stream.first()[0].startswith(_BOM):
            self._stream.skip(len(_BOM))
        while True:
            data, split = self._stream.first()
            starts, ends, lines = _extents(data, split)
            if len(starts):
                break
            if not split.starts[-1]:
                wanted = "wanted a line of column names and rows below it"
                raise SourceError(self.name, None, f"is empty; {wanted}")
            self._stream.skip(int(split.starts[-1]), int(split.lines[-1]))
        header = data[starts[0] : ends[0]]
        after = int(np.searchsorted(split.starts, starts[0], side="right"))
        self._stream.skip(int(split.starts[after]), int(split.lines[after]))
        return header, _names(header, self.name, int(lines[0]) + 1, self._separator)

    def _skip_to_rows(self, layout: Layout) -> tuple[bytes, tuple[str, ...]]:
        """Read past all lines above the first row; returns the header, if it is one line, and the names."""
        if not layout.names:
            raise SourceError(self.name, None, "is empty; wanted a line of column names and rows below it")
        sample = self._stream.peek(SAMPLE_BYTES)
        ends = [found.end() for found in islice(_LINE_ENDS.finditer(sample), layout.n_lines)]
        starts = [len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0, *ends]
        starts += [len(sample)] * (layout.n_lines + 1 - len(starts))  # without a line end at the end
        self._stream.skip(starts[layout.n_lines], layout.n_lines)
        if layout.header_line is None:
            return b"", layout.names
        check_unique_names(self.name, layout.header_line + 1, layout.names)
        header = sample[starts[layout.header_line] : starts[layout.n_lines]]
        return self._header_line(header, layout), layout.names

    def _header_line(self, header: bytes, layout: Layout) -> bytes:
        """The line of the header in UTF-8; empty if it does not have exactly the names."""
        line = b"" if self.dialect.is_rewritten else header.rstrip(b"\r\n")
        line = line.decode(self.dialect.encoding).encode() if self._is_single_byte else line
        cells = _cells_of(line, None, self._separator) if line else ()
        return line if tuple(cells) == layout.names else b""


def _find(stream: ByteStream, reading: Reading | None, growing: bool) -> Found:
    """How a file is read; the stream is then in UTF-8 or in a single-byte encoding, and splits records."""
    if reading is None:
        return AS_PLAIN
    found = reading.plainly(stream.peek(HEAD_BYTES))
    if found is None:
        sample = stream.peek(SAMPLE_BYTES)
        found = reading.of(sample, stream.name, is_cut=growing or len(sample) == SAMPLE_BYTES)
    dialect = found.dialect
    is_wide = dialect.encoding != "utf-8" and not is_single_byte(dialect.encoding)
    if is_wide and growing:
        raise SourceError(
            stream.name, None, f"is {dialect.encoding}, which cannot be followed; write it as UTF-8"
        )
    if dialect != PLAIN:
        split: Callable[..., RecordBounds] = partial(split_records, separator=dialect.separator)
        if dialect.is_rewritten:
            split = split_lines
        stream.read_as(split, dialect.encoding if is_wide else None)
    return found


def _decimal_numbers(found: Found) -> frozenset[str]:
    """The columns whose numbers have only the decimal mark of the file, which Arrow reads."""
    plain = NumberForm(decimal=found.dialect.decimal)
    return frozenset(name for name, form in found.forms.items() if form.form == plain and not form.missing)


def _extents(data: bytes, split: RecordBounds) -> tuple[Offsets, Offsets, Offsets]:
    """Start, end (without line end) and number of preceding lines of each record that is not empty."""
    cells = np.frombuffer(data, dtype=np.uint8)
    starts, ends = split.starts[:-1], split.starts[1:].copy()
    for line_end in (_NEWLINE, _RETURN):
        ends -= (ends > starts) & (cells[ends - 1] == line_end)
    filled = ends > starts
    if filled.all():
        return starts, ends, split.lines[:-1]
    return starts[filled], ends[filled], split.lines[:-1][filled]


def _slices(data: bytes, starts: Offsets, ends: Offsets) -> pa.LargeBinaryArray:
    """The bytes of each row, one element per row."""
    offsets = np.empty(2 * len(starts) + 1, dtype=np.int64)
    offsets[:-1:2], offsets[1::2], offsets[-1] = starts, ends, len(data)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    pieces = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 2 * len(starts), buffers)
    return pieces.take(arrow_numbers(np.arange(0, 2 * len(starts), 2)))


def _is_text(data: bytes) -> bool:
    """Whether all bytes, also of columns that are not read, are UTF-8 without NUL."""
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return False
    return b"\0" not in data


def _names(header: bytes, source: str, line: int, separator: str) -> tuple[str, ...]:
    """Names of the columns; raises SourceError if they are not valid or not unique."""
    names = _cells_of(header, None, separator)
    if isinstance(names, tuple):
        raise SourceError(source, line, names[1])
    check_unique_names(source, line, names)
    return tuple(names)


def _cells_of(record: bytes, width: int | None, separator: str) -> list[str] | tuple[str, str]:
    """The cells of a record, or the kind and the description of its error."""
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = record[error.start]
        return (
            "encoding",
            f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8, for example with iconv -t utf-8",
        )
    if "\0" in text:
        return (
            "nul",
            "contains a NUL byte; wanted text, not a binary file or UTF-16: save the file as CSV in UTF-8",
        )
    csv.field_size_limit(MAX_CELL)
    try:
        cells = next(csv.reader([text], delimiter=separator, strict=True))
    except (csv.Error, StopIteration) as error:
        return "quotes", f"not CSV ({error}); put cells with a comma, quote or line break in double quotes"
    if width is not None and len(cells) != width:
        return (
            "width",
            f"wanted {width} cells as in the header, got {len(cells)}; put cells with a comma in double "
            "quotes",
        )
    return cells

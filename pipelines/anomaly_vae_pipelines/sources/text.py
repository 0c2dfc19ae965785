"""TextSource: the common part of CSV and JSON Lines: a stream of bytes, and text that may be numbers."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null
from anomaly_vae_pipelines.arrow_text import plain_column
from anomaly_vae_pipelines.dialects.dialect import PLAIN, Dialect
from anomaly_vae_pipelines.dialects.forms import ColumnForm
from anomaly_vae_pipelines.dialects.numbers import NumberForm
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rejected, Rows
from anomaly_vae_pipelines.sources.blocks import Block, Read, Source, SourcePosition
from anomaly_vae_pipelines.sources.cells import NO_FORMS, formed_numbers, formed_texts, without_numbers
from anomaly_vae_pipelines.sources.splitting import Offsets, RecordBounds
from anomaly_vae_pipelines.sources.stream import ByteStream

CLUSTER_BYTES = 1 << 16
"""Bytes of a part of a file that is read without those before it."""

_MARKED = re.compile(r"[-+]?(?:\d{1,3}(?:[.,' \xa0]\d{3})+(?:[.,]\d+)?|\d+,\d+)")
_EMPTY = arrow_texts([""])[0]


class TextSource(Source):
    """A ``Source`` of text whose rows keep their bytes. Use it as a context manager.

    Parameters
    ----------
    stream : ByteStream
    dialect : Dialect
        Of the file.
    forms : mapping of str to ColumnForm
        How single columns are written.
    """

    def __init__(
        self, stream: ByteStream, dialect: Dialect = PLAIN, forms: Mapping[str, ColumnForm] | None = None
    ) -> None:
        self._stream, self.name = stream, stream.name
        self.dialect, self.forms = dialect, forms or {}
        with ExitStack() as on_error:
            on_error.push(stream)
            self.header, self.columns = self._read_head()
            self._first_row = stream.offset
            self._stack = on_error.pop_all()

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks of the file from a position on; it can be read only once."""
        return self._stream.blocks(start)

    def clusters(self) -> list[int]:
        """About how many rows start in each ``CLUSTER_BYTES`` of the file, by the lengths of its first rows.

        Raises SourceError for standard input, compressed files, and encodings of several bytes per sign.
        """
        n_bytes = self._stream.n_unread()
        if n_bytes is None:
            return super().clusters()
        starts = self._stream.first()[1].starts
        n_clusters = -(-n_bytes // CLUSTER_BYTES)
        return [int(CLUSTER_BYTES * (len(starts) - 1) // max(starts[-1], 1)) + 1] * n_clusters

    def cluster(self, number: int) -> Iterator[Block]:
        """The rows that start in some bytes of the file; their lines are counted among those that are read.

        Raises SourceError if a line break in quotes may be where the bytes start or end.
        """
        begin = self._first_row + number * CLUSTER_BYTES
        block = self._stream.between(begin, begin + CLUSTER_BYTES, is_first=number == 0)
        if not block.content[1].is_well_formed and b'"' in block.content[0]:
            where = f"quotes near byte {begin:,} may hold line breaks"
            raise SourceError(self.name, None, f"{where}; leave out --fast-sample")
        return iter([block])

    def empty(self) -> Block:
        """A block without rows."""
        none = np.zeros(1, dtype=np.int64)
        return Block((b"", RecordBounds(none, none, is_well_formed=False)))

    @abstractmethod
    def _read_head(self) -> tuple[bytes, tuple[str, ...]]:
        """Read past the header, if there is one; returns its line and the names of the columns."""

    def _separated(
        self,
        records: Sequence[bytes],
        numbers: Offsets,
        parsed: Sequence[list[Any] | tuple[str, str]],
        positions: Mapping[str, int],
    ) -> tuple[NDArray[np.bool_], pa.Table, list[Rejected]]:
        """A mask of the records with cells, their cells as a table, and the others as rejected rows.

        ``parsed`` has the cells of each record, or the kind and the description of its error; ``positions``
        are those of the columns among the cells.
        """
        kept = np.array([isinstance(cells, list) for cells in parsed], dtype=bool)
        good = [cells for cells in parsed if isinstance(cells, list)]
        rejected = [
            Rejected(self.name, int(number), *wrong, record)
            for number, wrong, record in zip(numbers, parsed, records, strict=True)
            if isinstance(wrong, tuple)
        ]
        columns = {name: arrow_texts([cells[j] for cells in good]) for name, j in positions.items()}
        return kept, pa.table(columns), rejected

    def _finished(
        self,
        rows: Rows,
        rejected: list[Rejected],
        wanted: Sequence[str],
        numeric: Container[str],
        whole: bool,
    ) -> Read:
        """Cast numbers and set missing cells to null; rows with invalid numbers become rejected rows.

        The table of ``rows`` has the wanted columns as text, or with ``whole`` all columns.
        """
        table, bad_cells = cast_columns(rows.table.select(list(wanted)), numeric, self.dialect, self.forms)
        rest = _with_numbers(rows.table, table, numeric) if whole else None
        rows = Rows(rows.source, rows.columns, table, rows.numbers, rows.raw, whole=rest)
        if not bad_cells:
            return Read(rows, rejected)
        kept = np.ones(len(rows), dtype=bool)
        kept[list(bad_cells)] = False
        assert rows.raw is not None  # rows of text keep their bytes
        rejected += [
            Rejected(self.name, int(rows.numbers[i]), "number", reason, rows.raw[i].as_py())
            for i, reason in bad_cells.items()
        ]
        return Read(rows.take(kept), sorted(rejected, key=lambda row: row.number))


def cast_columns(
    table: pa.Table,
    numeric: Container[str],
    dialect: Dialect = PLAIN,
    forms: Mapping[str, ColumnForm] = NO_FORMS,
) -> tuple[pa.Table, dict[int, str]]:
    """A table with numeric columns as numbers and missing cells as null; and the first error per row.

    Columns with a form are read in it: numbers in any form become numbers, dates become ISO 8601.
    """
    bad_cells: dict[int, str] = {}
    columns: list[Any] = []
    for name, column in zip(table.column_names, map(plain_column, table.columns), strict=True):
        form = forms.get(name)
        is_numeric = name in numeric or (form is not None and form.is_number)
        if pa.types.is_string(column.type) and is_numeric:
            numbers, wrong = formed_numbers(column, dialect, form)
            columns.append(arrow_numbers(numbers, nan_as_null=True))
            for i in np.flatnonzero(wrong):
                wanted, cell = f"wanted a number{_like(dialect, form)}", column[int(i)].as_py()
                bad_cells.setdefault(int(i), f"column {name!r}: {wanted}, got {cell!r}{_marks_hint(cell)}")
        else:
            is_text = pa.types.is_string(column.type)
            read = (
                formed_texts(column, dialect, form) if is_text else without_numbers(column, dialect.missing)
            )
            columns.append(read)
    return pa.table(columns, names=table.column_names), bad_cells


def _like(dialect: Dialect, form: ColumnForm | None) -> str:
    """An example of the numbers of a column, if they are not plain."""
    if form is None:
        marks = dialect.marks
        return "" if marks == (".", "") else f" such as {NumberForm(*marks)}"
    return f" such as {form.form}" if isinstance(form.form, NumberForm) else " such as 12:30:00"


def _marks_hint(cell: str) -> str:
    """The way out for a number with other decimal or thousands marks than expected."""
    found = _MARKED.fullmatch(cell.strip())
    return "; name its marks with --thousands and --decimal, or write it as 1234.5" if found else ""


def _with_numbers(table: pa.Table, read: pa.Table, numeric: Container[str]) -> pa.Table:
    """All columns, as numbers if they were read so, otherwise as text with null for an empty cell."""
    return pa.table(
        [
            read.column(name) if name in numeric and name in read.column_names else _empty_as_null(column)
            for name, column in zip(table.column_names, table.columns, strict=True)
        ],
        names=table.column_names,
    )


def _empty_as_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column with null for empty cells."""
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, _EMPTY), null(column.type), column)

"""Encoders: scored rows to the bytes (of Parquet: the table) that the output holds of them.

Where input and output are of one text format, a row's own bytes are written and its results put behind
them; Parquet keeps the columns of Parquet as they are. Only where the format changes are cells written
again, as ``arrow_text`` has it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_text import is_far, json_values, text_of
from anomaly_vae_pipelines.errors import ColumnClashError
from anomaly_vae_pipelines.records import RESULT_COLUMNS, ScoredRows

_SPECIAL = re.compile('[,"\n\r]')
_DIGITS = 6
"""Of a p-value."""

_PLAIN = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_large_string,
)


class Encoder(Protocol):
    """How scored rows are written in one format."""

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """What comes before the first row; ``raw_header`` is the input's own, empty if it has none."""

    def encode(self, scored: ScoredRows, reasons: Sequence[str]) -> Any:
        """The rows, with what each costs as one cell in ``reasons``."""


class CsvEncoder:
    """Rows of CSV, each followed by its results."""

    def __init__(self, prefix: str = "") -> None:
        self.names = result_names(prefix)

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """The line of names: the input's own bytes if there are any, then those of the results."""
        if not raw_header:
            return _csv_line([*columns, *self.names]).encode() + b"\n"
        return raw_header + b"," + _csv_line(self.names).encode() + b"\n"

    def encode(self, scored: ScoredRows, reasons: Sequence[str]) -> bytes:
        """The lines of the rows."""
        if scored.rows.raw is None or scored.rows.whole is not None:
            return _table_csv(result_table(scored, reasons, self.names))
        results = [
            pc.cast(pa.array(scored.scores), pa.large_string()),
            pc.cast(pa.array(rounded(scored.p_values)), pa.large_string()),
            pc.cast(pa.array(scored.is_anomaly), pa.large_string()),
            pa.array([f"{_quoted(text)}\n" if text else "\n" for text in reasons], pa.large_string()),
        ]
        cells = [scored.rows.raw, *(result.cast(pa.large_binary()) for result in results)]
        return _contents(pc.binary_join_element_wise(*cells, pa.scalar(b",", pa.large_binary())))


class JsonLinesEncoder:
    """An object a row, the results among its fields."""

    def __init__(self, prefix: str = "") -> None:
        self.names = result_names(prefix)

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """Nothing."""
        return b""

    def encode(self, scored: ScoredRows, reasons: Sequence[str]) -> bytes:
        """The lines of the rows."""
        raw = scored.rows.raw
        if raw is None or scored.rows.whole is not None:
            return _table_json(result_table(scored, reasons, self.names))
        results = zip(
            scored.scores.tolist(),
            rounded(scored.p_values).tolist(),
            scored.is_anomaly.tolist(),
            reasons,
            strict=True,
        )
        fields = (json.dumps(dict(zip(self.names, row, strict=True)))[1:] for row in results)
        return b"".join(map(_spliced, raw.to_pylist(), fields))


class ParquetEncoder:
    """A table of the columns as they are typed, then the results."""

    def __init__(self, prefix: str = "") -> None:
        self.names = result_names(prefix)

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """Nothing."""
        return b""

    def encode(self, scored: ScoredRows, reasons: Sequence[str]) -> pa.Table:
        """The table of the rows."""
        return result_table(scored, reasons, self.names)


ENCODERS: dict[str, type[CsvEncoder | JsonLinesEncoder | ParquetEncoder]] = {
    "csv": CsvEncoder,
    "jsonl": JsonLinesEncoder,
    "parquet": ParquetEncoder,
}
"""By format."""


def result_names(prefix: str) -> tuple[str, ...]:
    """Names of the result columns."""
    return tuple(prefix + name for name in RESULT_COLUMNS)


def refuse_clash(source: str, columns: Sequence[str], prefix: str) -> None:
    """Raise ColumnClashError where a result column has the name of a column of the input."""
    for name in result_names(prefix):
        if name in columns:
            raise ColumnClashError(
                f"{source}: there is a column {name!r} already, which the result would hide; "
                f"choose other names with --prefix, such as --prefix vae_"
            )


def result_table(scored: ScoredRows, reasons: Sequence[str], names: Sequence[str]) -> pa.Table:
    """The columns as the file has them (or those that were read), then the results."""
    results = [
        pa.array(scored.scores),
        pa.array(rounded(scored.p_values)),
        pa.array(scored.is_anomaly),
        pa.array(reasons, pa.string()),
    ]
    table = scored.rows.table if scored.rows.whole is None else scored.rows.whole
    for name, column in zip(names, results, strict=True):
        table = table.append_column(name, column)
    return table


def csv_lines(table: pa.Table, *, with_header: bool) -> bytes:
    """A table of text as lines of CSV, quoted only where that is needed."""
    stream = io.StringIO()
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    plain = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in [tuple(table.column_names), *rows] if with_header else rows:
        # Python 3.11's csv leaves a lone carriage return bare, and no reader takes it back so.
        (quoting if "\r" in "".join(row) else plain).writerow(row)
    return stream.getvalue().encode()


def rounded(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values to six significant digits: they are ranks among the calibration rows."""
    if not len(p_values):
        return p_values
    unit = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(p_values)))
    return np.asarray(np.rint(p_values * unit) / unit)


def _contents(lines: pa.LargeBinaryArray) -> bytes:
    """The elements of an array, one after the other."""
    if not len(lines):
        return b""
    _, offsets, values = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return bytes(values[int(ends[0]) : int(ends[-1])])


def _table_csv(table: pa.Table) -> bytes:
    """A table as lines of CSV; what Arrow cannot write, or not without loss, as text."""
    columns = [column if _is_plain(column) else text_of(column) for column in table.columns]
    table = pa.table(columns, names=table.column_names)
    stream = io.BytesIO()
    pacsv.write_csv(table, stream, pacsv.WriteOptions(include_header=False))
    return stream.getvalue()


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Whether Arrow writes a column as CSV as ``text_of`` does."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return not is_far(column)
    return any(is_kind(kind) for is_kind in _PLAIN)


def _table_json(table: pa.Table) -> bytes:
    columns = [json_values(column) for column in table.columns]
    objects = (dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True))
    return b"".join(json.dumps(row).encode() + b"\n" for row in objects)


def _quoted(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _csv_line(cells: Sequence[str]) -> str:
    return ",".join(map(_quoted, cells))


def _spliced(line: bytes, fields: str) -> bytes:
    """An object with more fields at its end, which are given from the first quote to the brace."""
    body = line.rstrip()[:-1].rstrip()
    comma = b"" if body == b"{" else b", "
    return body + comma + fields.encode() + b"\n"

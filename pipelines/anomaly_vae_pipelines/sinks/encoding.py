"""Encoders: scored rows to bytes (for Parquet: tables) of the output.

If input and output have the same text format, the original bytes of a row are followed by its results;
from Parquet to Parquet, columns keep their types. Otherwise ``arrow_text`` formats the cells.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import (
    arrow_booleans,
    arrow_bytes,
    arrow_numbers,
    arrow_texts,
    numpy_floats,
)
from anomaly_vae_pipelines.arrow_text import has_out_of_range, is_number, json_values, text_of
from anomaly_vae_pipelines.errors import ColumnClashError
from anomaly_vae_pipelines.records import RESULT_COLUMNS, ScoredRows

_SPECIAL = '"\n\r'
"""Characters that need quotes around their cell, besides the separator."""

_NEWLINE, _NOTHING, _QUOTE = arrow_texts(["\n", "", '"'], pa.large_string())
_DIGITS = 6
"""Significant digits of a p-value."""

_DECIMALS = 4
"""Decimals of a severity; that is a p-value to four or five significant digits."""


class _Encoder:
    """What all formats share: the names of the results; most formats have no header line."""

    def __init__(self, prefix: str = "") -> None:
        self.names = result_names(prefix)

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """Empty: the format has no header line."""
        return b""


class CsvEncoder(_Encoder):
    """Rows of CSV, each followed by its results.

    Parameters
    ----------
    prefix : str
        Prefix of the names of the results.
    separator, decimal : str
        Separator and decimal mark of the rows, which the results have too.
    """

    def __init__(self, prefix: str = "", separator: str = ",", decimal: str = ".") -> None:
        super().__init__(prefix)
        self._separator, self._decimal = separator, decimal
        self._between = arrow_bytes([separator.encode()])[0]
        self._special = separator + _SPECIAL

    def header(self, columns: Sequence[str], raw_header: bytes) -> bytes:
        """The header line: that of the input, if it has one, followed by the names of the results."""
        if not raw_header:
            return self._line([*columns, *self.names]) + b"\n"
        return raw_header + self._separator.encode() + self._line(self.names) + b"\n"

    def encode(self, scored: ScoredRows, reasons: pa.StringArray) -> bytes:
        """The lines of the rows."""
        if scored.rows.raw is None or scored.rows.whole is not None:
            return _table_csv(result_table(scored, reasons, self.names))
        results = [
            self._numbers(arrow_numbers(scored.scores).cast(pa.large_string())),
            self._numbers(_repeated_numbers(scored.p_values)),
            self._numbers(arrow_numbers(scored.severities.round(_DECIMALS)).cast(pa.large_string())),
            arrow_booleans(scored.is_anomaly).cast(pa.large_string()),
            pc.binary_join_element_wise(
                _quoted_texts(reasons.cast(pa.large_string()), self._special), _NEWLINE, _NOTHING
            ),
        ]
        cells = [scored.rows.raw, *(result.cast(pa.large_binary()) for result in results)]
        return _contents(pc.binary_join_element_wise(*cells, self._between))

    def _numbers(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """Numbers with the decimal mark of the rows."""
        if self._decimal == ".":
            return texts
        return _quoted_texts(pc.replace_substring(texts, ".", self._decimal), self._special)

    def _line(self, cells: Sequence[str]) -> bytes:
        return self._separator.join(_quoted(cell, self._special) for cell in cells).encode()


class JsonLinesEncoder(_Encoder):
    """One object per row, with the results as fields."""

    def encode(self, scored: ScoredRows, reasons: pa.StringArray) -> bytes:
        """The lines of the rows."""
        raw = scored.rows.raw
        if raw is None or scored.rows.whole is not None:
            return _table_json(result_table(scored, reasons, self.names))
        results = zip(
            scored.scores.tolist(),
            rounded(scored.p_values).tolist(),
            scored.severities.round(_DECIMALS).tolist(),
            scored.is_anomaly.tolist(),
            reasons.to_pylist(),
            strict=True,
        )
        fields = (json.dumps(dict(zip(self.names, row, strict=True)))[1:] for row in results)
        return b"".join(map(_spliced, raw.to_pylist(), fields))


class ParquetEncoder(_Encoder):
    """A table of the typed columns, followed by the results."""

    def encode(self, scored: ScoredRows, reasons: pa.StringArray) -> pa.Table:
        """The table of the rows."""
        return result_table(scored, reasons, self.names)


ENCODERS: dict[str, type[CsvEncoder | JsonLinesEncoder | ParquetEncoder]] = {
    "csv": CsvEncoder,
    "jsonl": JsonLinesEncoder,
    "parquet": ParquetEncoder,
}
"""Encoders by format."""


def result_names(prefix: str) -> tuple[str, ...]:
    """Names of the result columns."""
    return tuple(prefix + name for name in RESULT_COLUMNS)


def check_no_clash(source: str, columns: Sequence[str], prefix: str) -> None:
    """Raise ColumnClashError if a result column has the name of an input column."""
    for name in result_names(prefix):
        if name in columns:
            raise ColumnClashError(
                f"{source}: has a column {name!r}, which is also the name of a result; "
                f"choose other names with --prefix, such as --prefix vae_"
            )


def result_table(scored: ScoredRows, reasons: pa.StringArray, names: Sequence[str]) -> pa.Table:
    """All columns of the file (or those that were read), followed by the results."""
    table = scored.rows.table if scored.rows.whole is None else scored.rows.whole
    for name, column in zip(names, result_columns(scored, reasons), strict=True):
        table = table.append_column(name, column)
    return table


def result_columns(scored: ScoredRows, reasons: pa.StringArray) -> list[pa.Array]:
    """The results as arrays, in the order of RESULT_COLUMNS."""
    return [
        arrow_numbers(scored.scores),
        arrow_numbers(rounded(scored.p_values)),
        arrow_numbers(scored.severities.round(_DECIMALS)),
        arrow_booleans(scored.is_anomaly),
        reasons,
    ]


def csv_lines(table: pa.Table, *, with_header: bool) -> bytes:
    """A table of text as lines of CSV, quoted only if needed."""
    stream = io.StringIO()
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    plain = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in [tuple(table.column_names), *rows] if with_header else rows:
        # The csv module of Python 3.11 does not quote a lone carriage return, which no reader can parse.
        (quoting if "\r" in "".join(row) else plain).writerow(row)
    return stream.getvalue().encode()


def rounded(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values, which are ranks among the calibration rows, to six significant digits."""
    if not len(p_values):
        return p_values
    unit = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(p_values)))
    return np.asarray(np.rint(p_values * unit) / unit)


def _contents(lines: pa.LargeBinaryArray) -> bytes:
    """The concatenated elements of an array."""
    if not len(lines):
        return b""
    _, offsets, values = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return bytes(values[int(ends[0]) : int(ends[-1])])


def _table_csv(table: pa.Table) -> bytes:
    """A table as lines of CSV; columns that Arrow cannot write without loss are converted to text first."""
    columns = [column if _is_plain(column) else text_of(column) for column in table.columns]
    table = pa.table(columns, names=table.column_names)
    stream = io.BytesIO()
    pacsv.write_csv(table, stream, pacsv.WriteOptions(include_header=False))
    return stream.getvalue()


def _is_plain(column: pa.ChunkedArray) -> bool:
    """Whether Arrow writes the same CSV for a column as ``text_of``."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return not has_out_of_range(column)
    return is_number(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _table_json(table: pa.Table) -> bytes:
    columns = [json_values(column) for column in table.columns]
    objects = (dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True))
    return b"".join(json.dumps(row).encode() + b"\n" for row in objects)


def _repeated_numbers(p_values: NDArray[np.float64]) -> pa.LargeStringArray:
    """p-values as text; most of them occur often, and each is formatted once."""
    encoded = arrow_numbers(p_values).dictionary_encode()
    values = arrow_numbers(rounded(numpy_floats(encoded.dictionary)))
    return values.cast(pa.large_string()).take(encoded.indices)


def _quoted_texts(texts: pa.LargeStringArray, characters: str) -> pa.LargeStringArray:
    """Texts as cells of CSV."""
    content = _contents(texts)
    if not any(byte in content for byte in characters.encode()):
        return texts
    special = pc.match_substring_regex(texts, f"[{re.escape(characters)}]")
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(_QUOTE, doubled, _QUOTE, _NOTHING), texts)


def _quoted(text: str, special: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if any(character in text for character in special) else text


def _spliced(line: bytes, fields: str) -> bytes:
    """An object with fields appended, which are given from the first quote to the closing brace."""
    body = line.rstrip()[:-1].rstrip()
    comma = b"" if body == b"{" else b", "
    return body + comma + fields.encode() + b"\n"

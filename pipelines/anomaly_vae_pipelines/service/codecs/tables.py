"""Tables: the rows of a request as the records that scoring reads.

Values mean the same as in files: JSON as in JSON Lines, CSV as in CSV files, Arrow as in Parquet files. So a
row has the same score in every format.
"""

from __future__ import annotations

import io
import json
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.arrow_arrays import arrow_texts, numpy_floats
from anomaly_vae_pipelines.arrow_text import is_number
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.records import NumberRows, Rows
from anomaly_vae_pipelines.service.codecs.json import parse_json, rows_of_numbers
from anomaly_vae_pipelines.service.errors import RefusedRowsError, TooLargeError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, ModelInputs
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.selection import require_columns
from anomaly_vae_pipelines.sources.text import cast_columns

_NO_TABLE = pa.table({})


def rows_of_json(data: bytes, inputs: ModelInputs, max_rows: int) -> Rows:
    """The rows of ``{"rows": [{column: value}, ...]}``; fields that are not columns of the model are ignored.

    Raises
    ------
    InputError
        For any other JSON, and for a row without a column; RefusedRowsError for cells that cannot be read,
        TooLargeError for more than ``max_rows``.
    """
    inputs.wants_table()
    values = rows_of_numbers(data, inputs.names) if inputs.is_numbers else None
    if values is not None:
        check_count(len(values), max_rows)
        return _number_rows(values, inputs)
    rows = _list_of_rows(parse_json(data, "; for CSV give the header Content-Type: text/csv"))
    check_count(len(rows), max_rows)
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f'rows[{position}]: wanted an object {{"column": value}}, got {_shown(row)}')
        inputs.require(row, f"rows[{position}]")
    return rows_of_table(_text_table(rows, inputs.names), inputs, max_rows)


def rows_of_csv(data: bytes, inputs: ModelInputs, max_rows: int) -> Rows:
    """The rows of CSV with a header line; raises InputError, RefusedRowsError (by line), TooLargeError."""
    inputs.wants_table()
    pieces, refused, n_rows = [], [], 0
    with DelimitedSource(io.BytesIO(data), reading=inputs.reading) as source:
        require_columns(inputs.required, source, ", which the model reads", SOURCE)
        wanted = [name for name in inputs.names if name in source.columns]
        for block in source.blocks():
            rows, rejected = source.read(block, wanted, inputs.numeric)
            n_rows += len(rows) + len(rejected)
            check_count(n_rows, max_rows)
            pieces.append(rows.table)
            refused += [(row.number, row.reason) for row in rejected]
    check_count(n_rows, max_rows)
    if refused:
        raise RefusedRowsError(n_rows, refused, "line")
    return _finished(pa.concat_tables(pieces), inputs)


def rows_of_table(table: pa.Table, inputs: ModelInputs, max_rows: int) -> Rows:
    """The rows of an Arrow table; raises InputError, RefusedRowsError, TooLargeError."""
    inputs.wants_table()
    names = table.column_names
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise InputError(f"column {double!r} occurs twice; column names must be unique")
    inputs.require(names)
    check_count(table.num_rows, max_rows)
    chosen, slips = cast_columns(
        table.select([name for name in inputs.names if name in names]),
        inputs.numeric,
        *inputs.reading.typed(),
    )
    if slips:
        raise RefusedRowsError(table.num_rows, sorted(slips.items()))
    return _finished(chosen, inputs)


def check_count(n_rows: int, max_rows: int) -> None:
    """Raise TooLargeError for more than ``max_rows``, InputError for no rows."""
    if n_rows > max_rows:
        raise TooLargeError(f"a request may have {max_rows:,} rows, got {n_rows:,}; send them in parts")
    if n_rows == 0:
        raise InputError(f"{SOURCE}: holds no rows; wanted at least one")


def _list_of_rows(content: Any) -> Sequence[Any]:
    if not isinstance(content, dict):
        raise InputError(f'wanted {{"rows": [{{"column": value}}, ...]}}, got {_shown(content)}')
    if "rows" not in content:
        raise UnknownNameError('the object has no "rows"', "rows", map(str, content))
    rows = content["rows"]
    if not isinstance(rows, list):
        raise InputError(f'"rows": wanted a list of objects, got {_shown(rows)}')
    return rows


def _text_table(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    """The rows as text, as in a file of JSON Lines."""
    rows = list(rows)
    columns = [[_text(row.get(name), name, position) for position, row in enumerate(rows)] for name in names]
    try:
        return pa.table([arrow_texts(column) for column in columns], names=list(names))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise InputError(f"a cell has text that is not Unicode ({str(error).splitlines()[0]})") from error


def _text(cell: Any, name: str, position: int) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, dict | list):
        problem = f"column {name!r}: wanted a number, a boolean or text, got {_shown(cell)}"
        raise InputError(f"rows[{position}], {problem}")
    return json.dumps(cell)


def _finished(table: pa.Table, inputs: ModelInputs) -> Rows:
    """A table of the model's columns as records; optional columns that are missing become null."""
    if inputs.is_numbers:
        columns = [
            numpy_floats(column.cast(pa.float64(), safe=False)) for column in _numbers(table, inputs).columns
        ]
        return _number_rows(np.column_stack(columns), inputs)
    for position, name in enumerate(inputs.names):
        if name not in table.column_names:
            table = table.add_column(position, name, pa.nulls(len(table), pa.string()))
    return Rows(SOURCE, inputs.names, table, np.arange(table.num_rows, dtype=np.int64))


def _numbers(table: pa.Table, inputs: ModelInputs) -> pa.Table:
    """The table; raises InputError for a column that does not hold numbers."""
    for name in inputs.names:
        kind = table.column(name).type
        if not is_number(kind) or pa.types.is_boolean(kind):
            raise InputError(f"column {name!r}: wanted numbers, got {kind}")
    return table


def _number_rows(values: Any, inputs: ModelInputs) -> NumberRows:
    numbers = np.arange(len(values), dtype=np.int64)
    return NumberRows(SOURCE, inputs.names, _NO_TABLE, numbers, values=values)


def _shown(value: Any) -> str:
    """A JSON value, shortened for a message."""
    text = reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

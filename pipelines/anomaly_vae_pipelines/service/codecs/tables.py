"""Tables: rows as they come in a request, as the records that scoring takes.

JSON means what it means in a file of JSON Lines, CSV what it means in a file, and Arrow what it means in
a Parquet file, so that a row scores the same whichever way it comes.
"""

from __future__ import annotations

import io
import json
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.records import NumberRows, Rows
from anomaly_vae_pipelines.service.codecs.json import RowsOfNumbers, parse_json
from anomaly_vae_pipelines.service.errors import RefusedRowsError, TooLargeError
from anomaly_vae_pipelines.service.models.inputs import SOURCE, Form
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.selection import require_columns
from anomaly_vae_pipelines.sources.text import cast_columns

_NO_TABLE = pa.table({})


def rows_of_json(data: bytes, form: Form, max_rows: int) -> Rows:
    """The rows of ``{"rows": [{column: value}, ...]}``; fields that the model has no column for are left out.

    Raises
    ------
    InputError
        For anything else, and for a row that lacks a column; RefusedRowsError for cells that cannot be
        read, TooLargeError for more than ``max_rows``.
    """
    form.wants_table()
    values = _decoder(form.names)(data) if form.is_numbers else None
    if values is not None:
        check_count(len(values), max_rows)
        return _number_rows(values, form)
    rows = _list_of_rows(parse_json(data, "; for CSV give the header Content-Type: text/csv"))
    check_count(len(rows), max_rows)
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f'rows[{place}]: wanted an object {{"column": value}}, got {_shown(row)}')
        form.require(row, f"rows[{place}]")
    return rows_of_table(_text_table(rows, form.names), form, max_rows)


def rows_of_csv(data: bytes, form: Form, max_rows: int) -> Rows:
    """The rows of CSV with a line of names; raises InputError, RefusedRowsError (by line), TooLargeError."""
    form.wants_table()
    pieces, refused, n_rows = [], [], 0
    with DelimitedSource(io.BytesIO(data)) as source:
        require_columns(form.required, source, ", which the model reads", SOURCE)
        wanted = [name for name in form.names if name in source.columns]
        for block in source.blocks():
            rows, rejected = source.read(block, wanted, form.numeric)
            n_rows += len(rows) + len(rejected)
            check_count(n_rows, max_rows)
            pieces.append(rows.table)
            refused += [(row.number, row.reason) for row in rejected]
    check_count(n_rows, max_rows)
    if refused:
        raise RefusedRowsError(n_rows, refused, "line")
    return _finished(pa.concat_tables(pieces), form)


def rows_of_table(table: pa.Table, form: Form, max_rows: int) -> Rows:
    """The rows of an Arrow table; raises InputError, RefusedRowsError, TooLargeError."""
    form.wants_table()
    names = table.column_names
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise InputError(f"column {double!r} comes twice; give each column a name of its own")
    form.require(names)
    check_count(table.num_rows, max_rows)
    chosen, slips = cast_columns(table.select([name for name in form.names if name in names]), form.numeric)
    if slips:
        raise RefusedRowsError(table.num_rows, sorted(slips.items()))
    return _finished(chosen, form)


def check_count(n_rows: int, max_rows: int) -> None:
    """Raise TooLargeError for more rows than a request may have, InputError for none."""
    if n_rows > max_rows:
        raise TooLargeError(f"a request may have {max_rows:,} rows, got {n_rows:,}; send them in parts")
    if n_rows == 0:
        raise InputError(f"{SOURCE}: holds no rows; wanted one at least")


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...]) -> RowsOfNumbers:
    return RowsOfNumbers(names)


def _list_of_rows(content: Any) -> Sequence[Any]:
    if not isinstance(content, dict):
        raise InputError(f'wanted {{"rows": [{{"column": value}}, ...]}}, got {_shown(content)}')
    if "rows" not in content:
        raise UnknownNameError('there is no "rows" in the object', "rows", map(str, content))
    rows = content["rows"]
    if not isinstance(rows, list):
        raise InputError(f'"rows": wanted a list of objects, got {_shown(rows)}')
    return rows


def _text_table(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    """The rows as text, as a file of JSON Lines gives them."""
    rows = list(rows)
    columns = [[_text(row.get(name), name, place) for place, row in enumerate(rows)] for name in names]
    try:
        return pa.table([pa.array(column, pa.string()) for column in columns], names=list(names))
    except (pa.ArrowException, UnicodeEncodeError) as error:
        raise InputError(f"a cell holds text that is not Unicode ({str(error).splitlines()[0]})") from error


def _text(cell: Any, name: str, place: int) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, dict | list):
        problem = f"column {name!r}: wanted a number, a truth value or text, got {_shown(cell)}"
        raise InputError(f"rows[{place}], {problem}")
    return json.dumps(cell)


def _finished(table: pa.Table, form: Form) -> Rows:
    """A table of the model's columns, those that may be missing filled in, as records."""
    if form.is_numbers:
        columns = [
            column.cast(pa.float64(), safe=False).to_numpy() for column in _numbers(table, form).columns
        ]
        return _number_rows(np.column_stack(columns), form)
    for position, name in enumerate(form.names):
        if name not in table.column_names:
            table = table.add_column(position, name, pa.nulls(len(table), pa.string()))
    return Rows(SOURCE, form.names, table, np.arange(table.num_rows, dtype=np.int64))


def _numbers(table: pa.Table, form: Form) -> pa.Table:
    """The table; raises InputError for a column that no number can be made of."""
    for name in form.names:
        kind = table.column(name).type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
        if not is_number and not pa.types.is_decimal(kind):
            raise InputError(f"column {name!r}: wanted numbers, got {kind}")
    return table


def _number_rows(values: Any, form: Form) -> NumberRows:
    numbers = np.arange(len(values), dtype=np.int64)
    return NumberRows(SOURCE, form.names, _NO_TABLE, numbers, values=values)


def _shown(value: Any) -> str:
    """A value of JSON, as far as fits in a message, however deep it goes."""
    text = reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

"""Arrow columns of any type as text and as JSON values, without loss, for the whole range of each type.

Numbers are written so that they read back as the same number; decimals keep all digits. Dates and times
are ISO 8601 with a space instead of the T; with a time zone, they are local time and its offset. Outside
the years 1 to 9999 they are UTC. Durations are seconds, bytes are base64. Lists, structs and maps are
JSON; a map is a list of pairs of key and value.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.arrow_arrays import arrow_texts, null

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Units of time per second."""

_FIRST, _END = -62_135_596_800, 253_402_300_800
"""Seconds since 1970 at the start of the years 1 and 10000; Arrow and Python format what is between."""

_DAY = 86_400
_TEXTS = {kind.id for kind in (pa.string(), pa.large_string(), pa.string_view())}
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is a string type of any layout."""
    return kind.id in _TEXTS


def is_number(kind: pa.DataType) -> bool:
    """Whether a type is one of numbers or of booleans, or the type of a column with only nulls."""
    is_real = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(is_real or pa.types.is_boolean(kind) or pa.types.is_null(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a type is a binary type of any layout."""
    return any(is_kind(kind) for is_kind in _BYTES)


def has_out_of_range(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column of dates or timestamps has a value outside the years 1 to 9999."""
    return bool(pc.any(_out_of_range(column)).as_py())


def plain(array: pa.Array) -> pa.Array:
    """An array without extension types and without dictionary and run-end encoding."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if pa.types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(array))
    return array


def plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``plain`` of a column, with text as ``pa.string()``."""
    kind = column.type
    layers = (pa.types.is_dictionary, pa.types.is_run_end_encoded)
    if isinstance(kind, pa.BaseExtensionType) or any(is_kind(kind) for is_kind in layers):
        empty = plain(pa.nulls(0, kind))
        column = pa.chunked_array(list(map(plain, column.chunks)), empty.type)
    return column.cast(pa.string()) if is_text(column.type) else column


def local_timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps without a time zone: local time, but UTC outside the years 1 to 9999.

    A column without such timestamps is returned as it is, with its time zone.
    """
    kind = column.type
    if kind.tz is None or not has_out_of_range(column):
        return column
    utc, far = column.cast(pa.timestamp(kind.unit)), _out_of_range(column)
    near = pc.if_else(far, null(kind), column)
    return pc.if_else(far, utc, pc.local_timestamp(near))


def text_of(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as text, null where it is null, shape (n_rows,)."""
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays([arrow_texts([]), *map(text_of, column.chunks)])
    array = plain(column)
    kind = array.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _timestamps(array)
    if pa.types.is_duration(kind):
        return _texts(_seconds(steps, kind.unit) for steps in array.cast(pa.int64()).to_pylist())
    if is_bytes(kind):
        cells = array.to_pylist()
        return _texts(None if cell is None else base64.b64encode(cell).decode() for cell in cells)
    if pa.types.is_nested(kind):
        cells = json_values(array)
        return _texts(None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in cells)
    return array.cast(pa.string())


def json_values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column as JSON values: numbers, booleans, text, lists and objects, None where it is null."""
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in json_values(chunk)]
    array = plain(column)
    kind = array.type
    if pa.types.is_floating(kind):
        return [_number(value) for value in array.to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return list(array.to_pylist())
    if pa.types.is_struct(kind):
        return _objects(array)
    if pa.types.is_map(kind):
        return _maps(array)
    if pa.types.is_nested(kind):
        return _lists(array)
    return list(text_of(array).to_pylist())


def row_as_json(table: pa.Table, row: int) -> bytes:
    """One row of a table as a JSON object."""
    one = table.slice(row, 1)
    cells = {name: json_values(column)[0] for name, column in zip(one.column_names, one.columns, strict=True)}
    return json.dumps(cells, ensure_ascii=False).encode()


def _timestamps(array: pa.Array) -> pa.Array:
    """Dates and timestamps as text; numpy formats those that Arrow cannot, in UTC."""
    if not has_out_of_range(array):
        return array.cast(pa.string())
    far = _out_of_range(array)
    near = pc.if_else(far, null(array.type), array).cast(pa.string()).to_pylist()
    written = np.datetime_as_string(_numpy_timestamps(array)).tolist()
    zone = "Z" if getattr(array.type, "tz", None) else ""
    utc_texts = (text.replace("T", " ") + zone for text in written)
    rows = zip(near, utc_texts, far.to_pylist(), strict=True)
    return _texts(text if is_out else kept for kept, text, is_out in rows)


def _numpy_timestamps(array: pa.Array) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    steps = array.cast(pa.int32() if pa.types.is_date32(array.type) else pa.int64()).fill_null(0)
    unit = "D" if pa.types.is_date32(array.type) else getattr(array.type, "unit", "ms")
    numbers = steps.to_numpy(zero_copy_only=False).astype(np.int64)
    timestamps: np.ndarray[Any, np.dtype[np.datetime64]] = numbers.view(f"datetime64[{unit}]")
    return timestamps.astype("datetime64[D]") if pa.types.is_date64(array.type) else timestamps


def _out_of_range(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Where a date or a timestamp is outside the years 1 to 9999."""
    low, high = _bounds(column.type)
    if low < -(2**63):  # the range of nanoseconds is 1677 to 2262
        return pc.and_(pc.is_null(column), False)
    steps = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    return pc.fill_null(pc.or_(pc.less(steps, low), pc.greater_equal(steps, high)), False)


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    """Starts of the years 1 and 10000 in units of the type; one day closer where a time zone shifts them."""
    spare = 0 if getattr(kind, "tz", None) is None else _DAY
    low, high = _FIRST + spare, _END - spare
    if pa.types.is_date32(kind):
        return low // _DAY, high // _DAY
    per_second = PER_SECOND[getattr(kind, "unit", "ms")]
    return low * per_second, high * per_second


def _seconds(steps: int | None, unit: str) -> str | None:
    """A duration in seconds, with all digits."""
    if steps is None:
        return None
    return f"{Decimal(steps) / PER_SECOND[unit]:f}"


def _number(value: float | None) -> float | str | None:
    """A number as a JSON value: infinities and NaN are text, and a numpy number is a Python number."""
    if value is None:
        return None
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _objects(array: pa.Array) -> list[dict[str, Any] | None]:
    names = [field.name for field in array.type]
    fields = [json_values(array.field(position)) for position in range(len(names))]
    rows = zip(*fields, strict=True) if fields else (() for _ in range(len(array)))
    valid = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if is_valid else None
        for row, is_valid in zip(rows, valid, strict=True)
    ]


def _lists(array: pa.Array) -> list[list[Any] | None]:
    values = iter(json_values(array.flatten()))
    lengths = pc.list_value_length(array).to_pylist()
    return [None if n is None else [next(values) for _ in range(n)] for n in lengths]


def _maps(array: pa.MapArray) -> list[list[Any] | None]:
    """Maps as lists of pairs, as a key may be any value and may be repeated."""
    key = pa.field("key", array.type.key_type, nullable=False)
    pairs = pa.list_(pa.struct([key, pa.field("value", array.type.item_type)]))
    cells = _lists(array.cast(pairs))
    return [None if cell is None else [[pair["key"], pair["value"]] for pair in cell] for cell in cells]


def _texts(cells: Iterable[str | None]) -> pa.Array:
    return arrow_texts(list(cells))

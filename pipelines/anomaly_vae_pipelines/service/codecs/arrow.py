"""Arrow bodies: a stream or a file of Arrow IPC to a table, within the bytes that came.

Buffers that are packed inside a batch could unpack to any size, and the reader tells nobody before it has
done so. Whether a batch is packed stands in its message, a flatbuffer of which two fields are looked up
here (https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format).
"""

from __future__ import annotations

import struct
from collections.abc import Container

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.service.codecs.tables import check_count
from anomaly_vae_pipelines.service.errors import TooLargeError
from anomaly_vae_pipelines.service.models.inputs import SOURCE

TEXT_BYTES = 1 << 26
"""Bytes that the texts of a body may have once each row has its own."""

_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_KINDS = (
    *_TEXTS,
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
    pa.types.is_duration,
)
_FILE_MAGIC = b"ARROW1"
_DICTIONARY, _BATCH = 2, 3
_HEADER_TYPE, _HEADER = 1, 2
_DATA, _COMPRESSION = 1, 3


def read_arrow(data: bytes, max_rows: int, names: Container[str]) -> pa.Table:
    """The table of an IPC stream or file, of its columns those that are named.

    Raises
    ------
    SourceError
        Where it is damaged or its buffers are packed; TooLargeError for more than ``max_rows``.
    """
    try:
        return _plain(_read(_stream_of(data), max_rows), names)
    except (pa.ArrowException, OSError, struct.error, IndexError, MemoryError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SourceError(SOURCE, None, f"is no Arrow IPC stream or file ({reason})") from error


def _stream_of(data: bytes) -> bytes:
    """The stream in a file: what lies between its magic and its footer begins as a stream does."""
    return data[8:] if data.startswith(_FILE_MAGIC) else data


def _read(data: bytes, max_rows: int) -> pa.Table:
    for message in pa.ipc.MessageReader.open_stream(data):
        if _is_packed(message.metadata.to_pybytes()):
            raise SourceError(
                SOURCE, None, "has batches with packed buffers; wanted plain ones (write_options without "
                "compression), and the whole body packed by Content-Encoding: gzip where size matters"
            )  # fmt: skip
    batches, n_rows = [], 0
    with pa.ipc.open_stream(data) as reader:
        for batch in reader:
            n_rows += batch.num_rows
            check_count(max(n_rows, 1), max_rows)
            batch.validate(full=True)
            batches.append(batch)
        return pa.Table.from_batches(batches, reader.schema)


def _plain(table: pa.Table, names: Container[str]) -> pa.Table:
    """A table whose cells stand for themselves; raises SourceError for kinds that are no cells.

    A dictionary, or a view, has one text for many rows: what it would take to give each row its own is known
    before it is done.
    """
    table = table.select([place for place, name in enumerate(table.column_names) if name in names])
    columns, n_bytes = [], 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if not any(is_kind(kind) for is_kind in _KINDS):
            raise SourceError(
                SOURCE, None, f"column {name!r}: wanted text, numbers or times, got {column.type}"
            )
        is_text = any(is_kind(kind) for is_kind in _TEXTS)
        if is_text:
            n_bytes += sum(map(_text_bytes, column.chunks))
        if n_bytes > TEXT_BYTES:
            problem = f"column {name!r}: the texts of its rows have more than {TEXT_BYTES:,} bytes, unpacked"
            raise TooLargeError(problem)
        column = column.cast(pa.string() if is_text else kind)
        if pa.types.is_temporal(kind):
            _check_times(column, name)
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def _text_bytes(column: pa.Array) -> int:
    """Bytes of the texts of all rows."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary.cast(pa.large_string()))
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    if pa.types.is_string_view(column.type):
        views = np.frombuffer(column.buffers()[1], "<i4").reshape(-1, 4)  # of each its length comes first
        return int(views[column.offset : column.offset + len(column), 0].astype(np.int64).sum())
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)


def _check_times(column: pa.ChunkedArray, name: str) -> None:
    try:
        pc.min_max(column).as_py()
    except (OverflowError, ValueError) as error:
        raise SourceError(SOURCE, None, f"column {name!r}: holds times beyond the year 9999") from error


def _is_packed(metadata: bytes) -> bool:
    """Whether the batch of a message says how its buffers are packed."""
    message = _table_at(metadata, 0)
    kind_at, header_at = _field(metadata, message, _HEADER_TYPE), _field(metadata, message, _HEADER)
    kind = metadata[kind_at] if kind_at else 0
    if kind not in (_DICTIONARY, _BATCH) or not header_at:
        return False
    batch = _table_at(metadata, header_at)
    if kind == _DICTIONARY:
        data_at = _field(metadata, batch, _DATA)
        if not data_at:
            return False
        batch = _table_at(metadata, data_at)
    return bool(_field(metadata, batch, _COMPRESSION))


def _table_at(data: bytes, place: int) -> int:
    """Where the table lies that the offset at a place leads to."""
    return int(place + struct.unpack_from("<I", data, place)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table lies; 0 if it has none."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + entry)[0] if entry + 2 <= size else 0
    return int(table + offset) if offset else 0

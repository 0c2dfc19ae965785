"""Arrow bodies: an Arrow IPC stream or file as a table, without decompressing anything.

Compressed buffers inside a batch could grow to any size, and pyarrow does not say so before it decompresses
them. The message of a batch, a flatbuffer, says whether they are compressed. Two of its fields are read here
(https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format).
"""

from __future__ import annotations

import struct
from collections.abc import Container

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.arrow_text import is_number, is_text
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.service.codecs.tables import check_count
from anomaly_vae_pipelines.service.errors import TooLargeError
from anomaly_vae_pipelines.service.models.inputs import SOURCE

TEXT_BYTES = 1 << 26
"""Largest size of all texts of a body, with one text per row."""

_FILE_MAGIC = b"ARROW1"
_DICTIONARY, _BATCH = 2, 3
_HEADER_TYPE, _HEADER = 1, 2
_DATA, _COMPRESSION = 1, 3


def read_arrow(data: bytes, max_rows: int, names: Container[str]) -> pa.Table:
    """The named columns of an IPC stream or file.

    Raises
    ------
    SourceError
        If it is damaged or its buffers are compressed; TooLargeError for more than ``max_rows``.
    """
    try:
        # Between its magic and its footer, a file is a stream.
        stream = data[8:] if data.startswith(_FILE_MAGIC) else data
        return _plain(_read(stream, max_rows), names)
    except (pa.ArrowException, OSError, struct.error, IndexError, MemoryError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SourceError(SOURCE, None, f"is not a valid Arrow IPC stream or file ({reason})") from error


def _read(data: bytes, max_rows: int) -> pa.Table:
    for message in pa.ipc.MessageReader.open_stream(data):
        if _is_compressed(message.metadata.to_pybytes()):
            raise SourceError(
                SOURCE, None, "has batches with compressed buffers; wanted plain ones (options without "
                "compression); to save bytes, compress the whole body with Content-Encoding: gzip"
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
    """A table without dictionaries and views; raises SourceError for types that are not cells.

    A dictionary, or a view, has one text for many rows: the size of one text per row is computed before the
    texts are copied.
    """
    table = table.select([number for number, name in enumerate(table.column_names) if name in names])
    columns, n_bytes = [], 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        is_time = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
        if not (is_text(kind) or is_number(kind) or is_time):
            raise SourceError(
                SOURCE, None, f"column {name!r}: wanted text, numbers or times, got {column.type}"
            )
        if is_text(kind):
            n_bytes += sum(map(_text_bytes, column.chunks))
        if n_bytes > TEXT_BYTES:
            problem = f"column {name!r}: its texts have more than {TEXT_BYTES:,} bytes, one per row"
            raise TooLargeError(problem)
        column = column.cast(pa.string() if is_text(kind) else kind)
        if is_time:
            _check_times(column, name)
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def _text_bytes(column: pa.Array) -> int:
    """Bytes of the texts, one per row."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary.cast(pa.large_string()))
        return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
    if pa.types.is_string_view(column.type):
        views = np.frombuffer(column.buffers()[1], "<i4").reshape(-1, 4)  # each starts with its length
        return int(views[column.offset : column.offset + len(column), 0].astype(np.int64).sum())
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)


def _check_times(column: pa.ChunkedArray, name: str) -> None:
    try:
        pc.min_max(column).as_py()
    except (OverflowError, ValueError) as error:
        raise SourceError(SOURCE, None, f"column {name!r}: has times outside the years 1 to 9999") from error


def _is_compressed(metadata: bytes) -> bool:
    """Whether the batch of a message has compressed buffers."""
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


def _table_at(data: bytes, position: int) -> int:
    """The position of the table that the offset at a position points to."""
    return int(position + struct.unpack_from("<I", data, position)[0])


def _field(data: bytes, table: int, number: int) -> int:
    """The position of a field of a table; 0 if it is missing."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", data, vtable + entry)[0] if entry + 2 <= size else 0
    return int(table + offset) if offset else 0

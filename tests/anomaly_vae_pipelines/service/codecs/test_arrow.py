"""Arrow bodies are read within the bytes that came."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.codecs.arrow import read_arrow
from anomaly_vae_pipelines.service.errors import TooLargeError

NAMES = ("x", "name")
TABLE = pa.table({"x": [1.0, None, 3.0], "name": ["a", "b", None]})


def stream_of(table: pa.Table, **options: object) -> bytes:
    """A table as an IPC stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_a_stream_and_a_file_are_read() -> None:
    """As what they were written from."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    assert read_arrow(stream_of(TABLE), 10, NAMES).equals(TABLE)
    assert read_arrow(sink.getvalue(), 10, NAMES).equals(TABLE)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_packed_buffers_are_refused(codec: str) -> None:
    """In a batch and in a dictionary: what is small could unpack to what is large."""
    for table in (TABLE, pa.table({"name": TABLE["name"].dictionary_encode()})):
        with pytest.raises(InputError, match="compressed buffers"):
            read_arrow(stream_of(table, compression=codec), 10, NAMES)


def test_a_dictionary_is_read() -> None:
    """As long as it is plain."""
    table = pa.table({"name": TABLE["name"].dictionary_encode()})
    assert read_arrow(stream_of(table), 10, NAMES)["name"].to_pylist() == ["a", "b", None]


def test_columns_that_nobody_knows_may_be_of_any_kind() -> None:
    table = TABLE.append_column("more", pa.array([[1], [2], None]))
    assert read_arrow(stream_of(table), 10, NAMES).equals(TABLE)


def test_rows_without_bytes_are_counted() -> None:
    """A column of nulls takes no room, however long it is."""
    with pytest.raises(TooLargeError):
        read_arrow(stream_of(pa.table({"x": pa.nulls(10**9)})), 10_000, NAMES)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_does_more_than_be_refused(data: st.DataObject) -> None:
    """Cut short or with bytes changed, it is read or refused."""
    body = bytearray(stream_of(TABLE))
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_arrow(bytes(body[: data.draw(st.integers(0, len(body)))]), 10, NAMES)
    except InputError:
        pass
    except TooLargeError:
        pass

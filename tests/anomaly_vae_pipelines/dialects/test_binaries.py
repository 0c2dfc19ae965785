"""Files that are not text tables are refused in one line, with the way out."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import sqlite3
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines.dialects.binaries import refuse_binary
from anomaly_vae_pipelines.errors import SourceError

TABLE = pa.table({"a": [1, 2]})


def sqlite(path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (a)")
    return path.read_bytes()


def arrow() -> bytes:
    stream = io.BytesIO()
    with pa.ipc.new_file(stream, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(TABLE, stream)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        opened.writestr("a.csv", "a")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: b"%PDF-1.7\n", "PDF document; export the table as CSV"),
        (lambda path: b"<!DOCTYPE html><html>", "HTML page"),
        (lambda path: b"  <html>", "HTML page"),
        (sqlite, "SQLite database; export a table with sqlite3"),
        (lambda path: archive(), "ZIP archive; unpack it first"),
        (lambda path: pickle.dumps({"a": 1}), "pickle, which is not read as it could run code"),
        (lambda path: parquet(), "--format parquet"),
        (lambda path: arrow(), "--format arrow"),
        (lambda path: json.dumps([{"a": 1}]).encode(), "--format jsonl"),
        (lambda path: b"\xd0\xcf\x11\xe0", "old Office"),
        (lambda path: b"\x89PNG\r\n", "image"),
    ],
)
def test_a_file_of_another_kind_is_named(make, problem, tmp_path):
    with pytest.raises(SourceError, match=f"a.csv: is .*{problem}"):
        refuse_binary(make(tmp_path / "x"), "a.csv")


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n", b"[s],[m]\n1,2\n", gzip.compress(b"", mtime=0), b"", "ä;b".encode("utf-16")]
)
def test_text_passes(data):
    """Compressed files are unpacked before they come here."""
    refuse_binary(data, "a.csv")

"""Bytes appended to a file."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.sinks import appended
from anomaly_vae_pipelines.sinks.appended import AppendedFile


@given(
    pieces=st.lists(st.binary(max_size=50), max_size=10),
    kept=st.integers(0, 20),
    buffered=st.sampled_from([8, 30, 1 << 20]),
)
def test_the_file_is_its_first_bytes_and_the_pieces(tmp_path_factory, pieces, kept, buffered):
    """What was behind the kept bytes is removed, and small and large pieces follow them in order."""
    path = tmp_path_factory.mktemp("appended") / "out"
    path.write_bytes(bytes(range(20)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appended, "_BUFFER_BYTES", buffered)
        file = AppendedFile(path, kept)
        for piece in pieces:
            assert file.write(piece) == len(piece)
    expected = bytes(range(20))[:kept] + b"".join(pieces)
    assert file.tell() == len(expected)
    file.sync()
    assert path.read_bytes() == expected
    file.close()
    assert path.read_bytes() == expected


def test_small_pieces_are_written_together(tmp_path, monkeypatch):
    """They reach the file when the buffer is full, or when they are flushed."""
    monkeypatch.setattr(appended, "_BUFFER_BYTES", 8)
    path = tmp_path / "out"
    file = AppendedFile(path)
    file.write(b"1234567")
    assert path.read_bytes() == b""
    file.write(b"8")
    assert path.read_bytes() == b"12345678"
    file.write(b"9")
    file.flush()
    assert path.read_bytes() == b"123456789"
    file.close()


def test_a_discarded_file_drops_what_is_buffered(tmp_path):
    """Later writes, such as the index that pyarrow adds, are ignored; it can be discarded twice."""
    path = tmp_path / "out"
    file = AppendedFile(path)
    file.write(b"on disk")
    file.sync()
    file.write(b"lost")
    file.discard()
    assert file.write(b"late") == 4
    file.discard()
    assert path.read_bytes() == b"on disk"


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    """And it is a binary file of which io knows that it can be written."""
    with pytest.raises(OSError, match="missing"):
        AppendedFile(tmp_path / "missing" / "out")
    with io.BufferedWriter(AppendedFile(tmp_path / "out")) as stream:
        stream.write(b"rows")
    assert (tmp_path / "out").read_bytes() == b"rows"

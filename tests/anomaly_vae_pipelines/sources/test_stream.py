"""Streams of bytes to blocks of complete records."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.errors import LostInputError, SourceError
from anomaly_vae_pipelines.sources import stream as streams
from anomaly_vae_pipelines.sources.blocks import SourcePosition
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.jsonl import split_lines
from anomaly_vae_pipelines.sources.stream import ByteStream


def pieces(stream: ByteStream, start: SourcePosition | None = None) -> list[bytes]:
    return [block.content[0] for block in stream.blocks(start)]


@given(
    content=st.text("ab\n", max_size=60).map(str.encode), size=st.integers(1, 20), n_first=st.integers(0, 3)
)
def test_blocks_are_the_content(content, size, n_first):
    """Whatever their size, and however often the first block is looked at: no byte is lost or repeated."""
    with ByteStream(io.BytesIO(content), split_lines, size) as stream:
        for _ in range(n_first):
            stream.first()
        blocks = list(stream.blocks())
    assert b"".join(block.content[0] for block in blocks) == content
    assert all(block.content[0].endswith(b"\n") for block in blocks[:-1])
    lines = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    assert not blocks or blocks[-1].end == SourcePosition(len(content), lines)


def test_an_incomplete_line_of_a_growing_file_is_left_for_later(tmp_path):
    """Of another file it is the last row."""
    path = tmp_path / "a"
    path.write_bytes(b"a\nb\nhalf")
    for growing, expected in ((True, b"a\nb\n"), (False, b"a\nb\nhalf")):
        with ByteStream(str(path), split_lines, growing=growing) as stream:
            assert b"".join(pieces(stream)) == expected


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_position_is_one_of_the_decompressed_bytes(tmp_path, compress):
    """Reading continues there, whatever the compression."""
    path = tmp_path / "a"
    path.write_bytes(compress(b"one\ntwo\nthree\n"))
    with ByteStream(str(path), split_lines, 4) as stream:
        assert pieces(stream, SourcePosition(4, 1)) == [b"two\n", b"three\n"]


def test_a_compressed_file_that_is_shorter_than_a_position_is_noticed(tmp_path):
    """A run cannot be resumed behind the end of a file."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    with DelimitedSource(str(path)) as source, pytest.raises(SourceError, match="is shorter than when"):
        list(source.blocks(SourcePosition(5000, 100)))


def test_a_file_that_is_truncated_after_it_was_opened_is_noticed(tmp_path):
    """Its end is not mistaken for that of the rows; a growing file may be replaced by a shorter one."""
    path = tmp_path / "a"
    for growing in (False, True):
        path.write_bytes(b"row\n" * 50_000)
        with ByteStream(str(path), split_lines, 1 << 16, growing=growing) as stream:
            blocks = stream.blocks()
            next(blocks)
            with Path(path).open("r+b") as file:
                file.truncate(1000)
            if growing:
                list(blocks)
            else:
                with pytest.raises(LostInputError, match="had 200,000 bytes"):
                    list(blocks)


def test_a_damaged_file_names_its_compression(tmp_path):
    """The reason and the codec are in one line."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 400)[:-200])
    with (
        ByteStream(str(path), split_lines, 1 << 20) as stream,
        pytest.raises(SourceError, match="if it is gzip, it is damaged or truncated"),
    ):
        pieces(stream)


def test_a_record_without_end_is_rejected(monkeypatch):
    """With the line on which it starts; the rows before it are read."""
    monkeypatch.setattr(streams, "MAX_RECORD_BYTES", 64)
    with ByteStream(io.BytesIO(b"one\n" + bytes(1000)), split_lines, 4) as stream:
        blocks = stream.blocks()
        assert next(blocks).content[0] == b"one\n"
        with pytest.raises(SourceError, match="line 2: longer than 64 bytes; wanted one row per line"):
            next(blocks)

"""A stream in any encoding as UTF-8."""

from __future__ import annotations

import io

import pytest

from anomaly_vae_pipelines.sources.transcoding import Transcoded

TEXT = "Größe\t1\r\nKöln\t2\r\n" * 50


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("n_first", [0, 3, 400])
def test_any_pieces_give_the_same_bytes(size, n_first):
    data = TEXT.encode("utf-16")
    stream = Transcoded(data[:n_first], io.BytesIO(data[n_first:]), "utf-16-le")
    pieces = []
    while piece := stream.read(size):
        pieces.append(piece)
    assert b"".join(pieces).decode() == TEXT
    assert all(len(piece) == size for piece in pieces[:-1])


def test_invalid_bytes_are_an_error():
    with pytest.raises(UnicodeDecodeError):
        Transcoded(b"", io.BytesIO(b"\xff"), "utf-8").read(1)

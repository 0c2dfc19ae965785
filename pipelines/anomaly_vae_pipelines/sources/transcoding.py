"""Transcoded: a stream of bytes in any encoding as a stream of UTF-8."""

from __future__ import annotations

import codecs
from typing import IO

_PIECE = 1 << 18
"""Bytes that are decoded at once."""


class Transcoded:
    """The UTF-8 of a stream.

    Parameters
    ----------
    first : bytes
        Bytes that were already read from the stream.
    stream : binary file
    encoding : str
        Name of a codec; a byte order mark is dropped.
    """

    def __init__(self, first: bytes, stream: IO[bytes], encoding: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._is_start, self._ended = True, False
        self._ready = self._utf8(first)

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, none only at the end; raises UnicodeDecodeError."""
        while len(self._ready) < size and not self._ended:
            piece = self._stream.read(_PIECE)
            self._ended = not piece
            self._ready += self._utf8(piece)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _utf8(self, piece: bytes) -> bytes:
        text = self._decoder.decode(piece, final=self._ended)
        if self._is_start and text:
            text, self._is_start = text.removeprefix("\ufeff"), False
        return text.encode()

"""Position: how far a file has been read, and a fingerprint that identifies the file.

The fingerprint has two hashes: of the start of the file, and of the bytes just before the read position. Both
stay the same if the file grows, or is renamed, copied or compressed. A file that replaced it has different
rows in one of the two, even if both files have the same long header.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.files import OpenedFile, opened, read_fully

WINDOW = 1 << 14
"""Bytes that are hashed at the start of a file, and before the read position."""


@dataclass
class Position:
    """How far one file has been read.

    Attributes
    ----------
    offset, line : int
        Where the next row begins, in decompressed bytes and in lines.
    n_head : int
        Number of bytes that ``head`` is the hash of.
    head : str
        SHA-256 of the start of the file.
    size, mtime : float
        Of the file at the last poll.
    is_done : bool
        Whether a file that can only be read as a whole has been read.
    tail_at : int
        Where the bytes of ``tail`` end; 0 in checkpoints of older versions, which have no ``tail``.
    tail : str
        SHA-256 of up to ``WINDOW`` bytes before ``tail_at``.
    """

    offset: int = 0
    line: int = 0
    n_head: int = 0
    head: str = ""
    size: int = 0
    mtime: float = 0.0
    is_done: bool = False
    tail_at: int = 0
    tail: str = ""

    def move(self, stream: IO[bytes], offset: int, line: int) -> None:
        """Move to an offset of an uncompressed file, given as an open stream."""
        self.offset, self.line = offset, line
        self.n_head, self.tail_at = min(offset, WINDOW), offset
        self.head = _hash_between(stream, 0, self.n_head)
        self.tail = _hash_between(stream, max(0, offset - WINDOW), offset)

    def is_unchanged(self, status: os.stat_result) -> bool:
        """Return whether a file has the size and the time of the last poll."""
        return (status.st_size, status.st_mtime) == (self.size, self.mtime)

    def fits(self, path: Path) -> bool:
        """Return whether a file, plain or compressed, begins with the bytes that have been read."""
        if not self.n_head:
            return not self.offset
        try:
            with opened(str(path)) as packed:
                return self._fits(packed)
        except (OSError, EOFError, InputError):
            return False

    def _fits(self, packed: OpenedFile) -> bool:
        stream = packed.stream
        start = read_fully(stream, self.n_head)
        if len(start) < self.n_head or _hash(start) != self.head:
            return False
        begin = max(0, self.tail_at - WINDOW)
        window = start[begin:]
        if begin > len(start):
            _skip(packed, begin - len(start))
        window += read_fully(stream, self.tail_at - begin - len(window))
        return not self.tail or _hash(window[: self.tail_at - begin]) == self.tail


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hash_between(stream: IO[bytes], start: int, end: int) -> str:
    stream.seek(start)
    return _hash(stream.read(end - start))


def _skip(packed: OpenedFile, n_bytes: int) -> None:
    """Skip bytes of a stream; a compressed stream has to be read."""
    if packed.codec is None:
        packed.stream.seek(n_bytes, 1)
        return
    while n_bytes > 0 and (piece := packed.stream.read(min(n_bytes, 1 << 20))):
        n_bytes -= len(piece)

"""ByteStream: a file as blocks of whole records, cut at the same bytes wherever reading begins."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import opened, shown
from anomaly_vae_pipelines.sources.blocks import BLOCK_BYTES, Block, SourcePosition
from anomaly_vae_pipelines.sources.cuts import length_of, refuse_cut
from anomaly_vae_pipelines.sources.splitting import Split

MAX_RECORD_BYTES = 1 << 26
"""Bytes of the longest record that is read; a longer one is none."""


class ByteStream:
    """The bytes of one file, plain or compressed; ``-`` is standard input. Or bytes in memory, plain.

    Use it as a context: what it opens it closes.

    Parameters
    ----------
    path : str or BytesIO
    split : callable
        ``split(data, at_end=...)`` gives the whole records of data.
    block_bytes : int
        Most bytes of a block, unless a record is longer.
    growing : bool
        Whether the file may still be written to: then its last record is one only if a line end follows.

    Raises
    ------
    SourceError
        Where it cannot be opened, and later where it is damaged; LostInputError where it ends before the
        length that it had when it was opened, unless it is ``growing``.
    """

    def __init__(
        self,
        path: str | io.BytesIO,
        split: Callable[..., Split],
        block_bytes: int = BLOCK_BYTES,
        *,
        growing: bool = False,
    ) -> None:
        self.path, self.name, self._growing = path, shown(path), growing
        self._split, self._block_bytes = split, block_bytes
        self._stack = ExitStack()
        self._packed = self._stack.enter_context(opened(path))
        self._length = None if growing or path == "-" else length_of(self._packed.outer)
        self._rest, self._place = b"", SourcePosition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def first(self) -> tuple[bytes, Split]:
        """What the first block holds, without going on to the next."""
        data, split, _ = self._next()
        self._rest = data + self._rest
        return data, split

    def skip(self, n_bytes: int, n_lines: int = 0) -> None:
        """Go on past so many bytes, which end a record, and the lines in them."""
        skipped = min(n_bytes, len(self._rest))
        self._rest, missing = self._rest[skipped:], n_bytes - skipped
        self._place = SourcePosition(self._place.offset + n_bytes, self._place.line + n_lines)
        if missing and self._packed.codec is None and self.path != "-":
            self._packed.stream.seek(missing, 1)
            return
        while missing > 0:
            piece = self._read(min(missing, self._block_bytes))
            if not piece:
                raise SourceError(self.name, None, "is shorter than it was when the run began")
            missing -= len(piece)

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a place on, or from where reading has come; each is (data, Split)."""
        if start is not None:
            self.skip(start.offset - self._place.offset, start.line - self._place.line)
        at_end = False
        while not at_end or self._rest:
            data, split, at_end = self._next()
            if len(split.starts) > 1:
                yield self._block(data, split)
            elif at_end:
                return

    def _block(self, data: bytes, split: Split) -> Block:
        start, end = self._place, int(split.starts[-1])
        self._rest, data = data[end:] + self._rest, data[:end]
        self._place = SourcePosition(start.offset + end, start.line + int(split.lines[-1]))
        return Block((data, split), start, self._place, self._n_bytes())

    def _next(self) -> tuple[bytes, Split, bool]:
        """Bytes that hold one whole record at least, unless the file ends; whether it does."""
        data, size = b"", self._block_bytes
        while True:
            data += self._take(size - len(data))
            at_end = len(data) < size
            split = self._split(data, at_end=at_end and not self._growing)
            if at_end or len(split.starts) > 1:
                return data, split, at_end
            size *= 2
            if size > MAX_RECORD_BYTES:
                raise SourceError(self.name, self._place.line + 1, _too_long())

    def _take(self, size: int) -> bytes:
        """The next bytes, fewer only at the end of the file; what was read before comes first."""
        data, self._rest = self._rest[:size], self._rest[size:]
        return data + self._read(size - len(data)) if len(data) < size else data

    def _read(self, size: int) -> bytes:
        """Bytes that were not read before, fewer only at the end of the file."""
        pieces, missing = [], size
        try:
            while missing > 0 and (piece := self._packed.stream.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
        except (OSError, EOFError) as error:
            refuse_cut(self.name, self._length, length_of(self._packed.outer))
            codec = self._packed.codec
            hint = f"; if it is {codec}, it is damaged or cut short" if codec else ""
            raise SourceError(self.name, None, f"cannot be read to its end ({error}){hint}") from error
        if missing > 0:
            refuse_cut(self.name, self._length, self._n_bytes())
        return b"".join(pieces)

    def _n_bytes(self) -> int:
        """Bytes of the file as it lies on disk that have been read."""
        try:
            return self._packed.outer.tell()
        except (OSError, ValueError):
            return 0


def _too_long() -> str:
    return f"longer than {MAX_RECORD_BYTES} bytes; wanted rows, each on a line of its own"

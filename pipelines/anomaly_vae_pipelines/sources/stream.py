"""ByteStream: a file as blocks of complete records, split at the same bytes wherever reading starts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Self, cast

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import OpenedFile, display_name, opened, read_fully
from anomaly_vae_pipelines.sources.blocks import BLOCK_BYTES, Block, SourcePosition
from anomaly_vae_pipelines.sources.splitting import RecordBounds
from anomaly_vae_pipelines.sources.transcoding import Transcoded
from anomaly_vae_pipelines.sources.truncation import check_not_truncated, stream_size

MAX_RECORD_BYTES = 1 << 26
"""Bytes of the longest record that is accepted."""


_SEARCHED_BYTES = 1 << 12


class ByteStream:
    """The bytes of a file, plain or compressed; ``-`` is standard input. Or plain bytes in memory.

    Use it as a context manager.

    Parameters
    ----------
    path : str or BytesIO
    split : callable
        ``split(data, at_end=...)`` returns the complete records of data.
    block_bytes : int
        Maximum number of bytes per block, unless a record is longer.
    growing : bool
        Whether the file may still be written to: its last record then counts only if a line end follows.

    Raises
    ------
    SourceError
        If it cannot be opened, and later if it is damaged; LostInputError if it was truncated since it was
        opened, unless it is ``growing``.
    """

    def __init__(
        self,
        path: str | io.BytesIO,
        split: Callable[..., RecordBounds],
        block_bytes: int = BLOCK_BYTES,
        *,
        growing: bool = False,
    ) -> None:
        self.path, self.name, self._growing = path, display_name(path), growing
        self._split, self._block_bytes = split, block_bytes
        self._stack = ExitStack()
        self._file = self._stack.enter_context(opened(path))
        self._length = None if growing or path == "-" else stream_size(self._file.raw)
        self._rest, self._position = b"", SourcePosition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def first(self) -> tuple[bytes, RecordBounds]:
        """The content of the next block, without reading past it."""
        data, split, _ = self._next()
        self._rest = data + self._rest
        return data, split

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay unread; fewer only at the end of the file."""
        self._rest = self._take(size) + self._rest
        return self._rest[:size]

    def read_as(self, split: Callable[..., RecordBounds], encoding: str | None = None) -> None:
        """Split the unread bytes in another way, from now on; with ``encoding`` they become UTF-8 first."""
        self._split = split
        if encoding is not None:
            stream = Transcoded(self._rest, self._file.stream, encoding)
            self._rest, self._file = b"", OpenedFile(cast(IO[bytes], stream), self._file.raw, encoding)

    def skip(self, n_bytes: int, n_lines: int = 0) -> None:
        """Skip bytes up to the end of a record, and the lines in them."""
        skipped = min(n_bytes, len(self._rest))
        self._rest, missing = self._rest[skipped:], n_bytes - skipped
        self._position = SourcePosition(self._position.offset + n_bytes, self._position.line + n_lines)
        if missing and self._file.codec is None and self.path != "-":
            self._file.stream.seek(missing, 1)
            return
        while missing > 0:
            piece = self._read(min(missing, self._block_bytes))
            if not piece:
                raise SourceError(self.name, None, "is shorter than when the run started")
            missing -= len(piece)

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on, by default the current one; each holds (data, RecordBounds)."""
        if start is not None:
            self.skip(start.offset - self._position.offset, start.line - self._position.line)
        at_end = False
        while not at_end or self._rest:
            data, split, at_end = self._next()
            if len(split.starts) > 1:
                yield self._block(data, split)
            elif at_end:
                return

    @property
    def offset(self) -> int:
        """Number of bytes before the next one that is unread."""
        return self._position.offset

    def n_unread(self) -> int | None:
        """Number of bytes up to the end of a plain file; None if it can only be read from its start."""
        is_plain = self.path != "-" and self._file.codec is None and self._file.stream.seekable()
        return self._length - self.offset if is_plain and self._length is not None else None

    def between(self, begin: int, end: int, *, is_first: bool) -> Block:
        """The records that start between two positions of a plain file, wherever it was read before.

        A record starts after a line break, or at ``begin`` if that ``is_first``.
        """
        start = begin if is_first else self._after_break(begin)
        stop = self._after_break(end)
        self._file.stream.seek(start)
        self._rest, self._position = b"", SourcePosition(start, self._position.line)
        data = self._read(max(stop - start, 0))
        return self._block(data, self._split(data, at_end=True))

    def _after_break(self, position: int) -> int:
        """Where the first record starts at a position or after it."""
        self._file.stream.seek(position - 1)
        found = position - 1
        while found - position < MAX_RECORD_BYTES:
            data = self._read(_SEARCHED_BYTES)
            if (place := data.find(b"\n")) >= 0:
                return found + place + 1
            found += len(data)
            if len(data) < _SEARCHED_BYTES:
                return found
        raise SourceError(
            self.name, None, f"has no line break after byte {position:,}; leave out --fast-sample"
        )

    def _block(self, data: bytes, split: RecordBounds) -> Block:
        start, end = self._position, int(split.starts[-1])
        self._rest, data = data[end:] + self._rest, data[:end]
        self._position = SourcePosition(start.offset + end, start.line + int(split.lines[-1]))
        return Block((data, split), start, self._position, self._n_bytes())

    def _next(self) -> tuple[bytes, RecordBounds, bool]:
        """Bytes with at least one complete record, unless the file ends; whether it does."""
        data, size = b"", self._block_bytes
        while True:
            data += self._take(size - len(data))
            at_end = len(data) < size
            split = self._split(data, at_end=at_end and not self._growing)
            if at_end or len(split.starts) > 1:
                return data, split, at_end
            size *= 2
            if size > MAX_RECORD_BYTES:
                problem = f"longer than {MAX_RECORD_BYTES:,} bytes; wanted one row per line"
                raise SourceError(self.name, self._position.line + 1, problem)

    def _take(self, size: int) -> bytes:
        """The next bytes, fewer only at the end of the file; bytes that were put back come first."""
        data, self._rest = self._rest[:size], self._rest[size:]
        return data + self._read(size - len(data)) if len(data) < size else data

    def _read(self, size: int) -> bytes:
        """Bytes from the file, fewer only at its end."""
        try:
            data = read_fully(self._file.stream, size)
        except UnicodeDecodeError as error:
            problem = f"is not valid {self._file.codec} to its end; name another --encoding"
            raise SourceError(self.name, None, problem) from error
        except (OSError, EOFError) as error:
            check_not_truncated(self.name, self._length, stream_size(self._file.raw))
            codec = self._file.codec
            hint = f"; if it is {codec}, it is damaged or truncated" if codec else ""
            raise SourceError(self.name, None, f"cannot be read to its end ({error}){hint}") from error
        if len(data) < size:
            check_not_truncated(self.name, self._length, self._n_bytes())
        return data

    def _n_bytes(self) -> int:
        """Number of bytes on disk that have been read."""
        try:
            return self._file.raw.tell()
        except (OSError, ValueError):
            return 0

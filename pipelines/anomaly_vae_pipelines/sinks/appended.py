"""AppendedFile: bytes appended to a file, in large writes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from anomaly_vae_pipelines.io import system

_BUFFER_BYTES = 1 << 20


class AppendedFile(io.RawIOBase):
    """A file that keeps its first bytes and is written after them.

    Parameters
    ----------
    path : Path
        Created if it does not exist.
    size : int
        Bytes to keep; the file is truncated to this size.

    Raises
    ------
    OSError
        From the constructor and every method that writes.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        super().__init__()
        self._buffer, self._end, self._descriptor = bytearray(), size, -1
        self._descriptor = system.calls.open(path, os.O_WRONLY | os.O_CREAT)
        try:
            system.calls.truncate(self._descriptor, size)
            os.lseek(self._descriptor, size, os.SEEK_SET)
        except BaseException:
            self.discard()
            raise

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes; a discarded file ignores them."""
        piece = memoryview(data).cast("B")
        if not self.closed:
            self._append(piece)
        return len(piece)

    def tell(self) -> int:
        """Size of the file, including buffered bytes."""
        return self._end

    def flush(self) -> None:
        """Write buffered bytes to the operating system."""
        if self._buffer:
            data, self._buffer = bytes(self._buffer), bytearray()
            system.write_all(self._descriptor, data)

    def sync(self) -> None:
        """Flush all bytes to disk."""
        self.flush()
        system.calls.sync(self._descriptor)

    def _append(self, piece: memoryview) -> None:
        self._end += len(piece)
        if len(piece) >= _BUFFER_BYTES:  # a large piece is not copied
            self.flush()
            system.write_all(self._descriptor, piece)
            return
        self._buffer += piece
        if len(self._buffer) >= _BUFFER_BYTES:
            self.flush()

    def discard(self) -> None:
        """Close the file without writing buffered bytes."""
        self._buffer.clear()
        self.close()

    def close(self) -> None:
        """Write buffered bytes and close the file."""
        if not self.closed:
            try:
                super().close()
            finally:
                if self._descriptor >= 0:
                    os.close(self._descriptor)

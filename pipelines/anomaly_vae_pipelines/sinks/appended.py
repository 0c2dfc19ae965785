"""AppendedFile: bytes added to the end of a file, in large writes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from anomaly_vae_pipelines.io import system

_BUFFER_BYTES = 1 << 20


class AppendedFile(io.RawIOBase):
    """A file that keeps its first bytes and is written from there on.

    Parameters
    ----------
    path : Path
        Created where it is missing.
    size : int
        Bytes to keep; what lies behind them is cut off.

    Raises
    ------
    OSError
        Here and in every method that writes.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        super().__init__()
        self._waiting, self._end, self._descriptor = bytearray(), size, -1
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
        """Add bytes; a discarded file takes them and forgets them."""
        piece = memoryview(data).cast("B")
        if not self.closed:
            self._waiting += piece
            self._end += len(piece)
            if len(self._waiting) >= _BUFFER_BYTES:
                self.flush()
        return len(piece)

    def tell(self) -> int:
        """Size of the file, with what waits to be written."""
        return self._end

    def flush(self) -> None:
        """Hand what waits to the operating system."""
        if self._waiting:
            waiting, self._waiting = bytes(self._waiting), bytearray()
            system.write_all(self._descriptor, waiting)

    def sync(self) -> None:
        """Return when all bytes are on disk."""
        self.flush()
        system.calls.sync(self._descriptor)

    def discard(self) -> None:
        """Close the file without what waits to be written."""
        self._waiting.clear()
        self.close()

    def close(self) -> None:
        """Write what waits, and close the file."""
        if not self.closed:
            try:
                super().close()
            finally:
                if self._descriptor >= 0:
                    os.close(self._descriptor)

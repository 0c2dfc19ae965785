"""Rejected rows as CSV: source, line, reason, and the original bytes of each row."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.records import Rejected

HEADER = b"source,line,reason,row\n"


def encode_rejected(rows: Iterable[Rejected]) -> bytes:
    """One line per row; the last cell has the original bytes, quoted."""
    return b"".join(_line(row) for row in rows)


class RejectedLog:
    """A file of rejected rows to which successive runs append.

    A last row that is incomplete after a crash is removed first, as it would absorb the rows after it; it
    was not counted as read, so it is rejected again.
    """

    def __init__(self, path: str) -> None:
        self.path, self._is_checked = Path(path), False

    def append(self, rows: Iterable[Rejected]) -> None:
        """Append rows, after a header if the file is new; raises SinkError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with write_errors(str(self.path)), system.opened(self.path, flags) as descriptor:
            if (
                not self._is_checked
                and (complete := _complete_size(self.path)) < os.fstat(descriptor).st_size
            ):
                system.calls.truncate(descriptor, complete)
            self._is_checked = True
            header = b"" if os.fstat(descriptor).st_size else HEADER
            system.write_all(descriptor, header + encode_rejected(rows))


def _complete_size(path: Path) -> int:
    """Bytes of a file of rejected rows up to the end of its last complete row; the size of any other file."""
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        if (start := stream.readline()) != HEADER:
            return 0 if HEADER.startswith(start) else path.stat().st_size
        position = complete = len(start)
        n_quotes = 0
        for line in stream:
            position, n_quotes = position + len(line), n_quotes + line.count(b'"')
            if n_quotes % 2 == 0 and line.endswith(b"\n"):
                complete = position
    return complete


def _line(row: Rejected) -> bytes:
    cells = _quoted(row.source.encode()), str(row.number).encode(), _quoted(row.reason.encode())
    return b",".join([*cells, _quoted(row.raw)]) + b"\n"


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'

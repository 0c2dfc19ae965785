"""Rejected rows as CSV: where each stood, what is wrong with it, and its own bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.files import write_errors
from anomaly_vae_pipelines.records import Rejected

HEADER = b"source,line,reason,row\n"


def encode_rejected(rows: Iterable[Rejected]) -> bytes:
    """A line a row; the last cell is in quotes, those in it doubled, and else as it stood in the file."""
    return b"".join(_line(row) for row in rows)


class RejectedLog:
    """A file of rejected rows that one run after another adds to.

    A row that a crash cut short is removed first, as it would swallow the rows behind it; it was not
    counted as read, and comes again.
    """

    def __init__(self, path: str) -> None:
        self.path, self._is_checked = Path(path), False

    def append(self, rows: Iterable[Rejected]) -> None:
        """Add rows to the end, under a header if the file is new; raises SinkError where that fails."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with write_errors(str(self.path)), system.opened(self.path, flags) as descriptor:
            if not self._is_checked and (whole := _whole_size(self.path)) < os.fstat(descriptor).st_size:
                system.calls.truncate(descriptor, whole)
            self._is_checked = True
            header = b"" if os.fstat(descriptor).st_size else HEADER
            system.write_all(descriptor, header + encode_rejected(rows))


def _whole_size(path: Path) -> int:
    """Bytes of a file of rejected rows up to the end of its last whole row; all of any other file."""
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        if (start := stream.readline()) != HEADER:
            return 0 if HEADER.startswith(start) else path.stat().st_size
        position = whole = len(start)
        n_quotes = 0
        for line in stream:
            position, n_quotes = position + len(line), n_quotes + line.count(b'"')
            if n_quotes % 2 == 0 and line.endswith(b"\n"):
                whole = position
    return whole


def _line(row: Rejected) -> bytes:
    known = _quoted(row.source.encode()), str(row.number).encode(), _quoted(row.reason.encode())
    return b",".join([*known, _quoted(row.raw)]) + b"\n"


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'

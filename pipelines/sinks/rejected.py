"""Rejected rows as CSV: where each stood, what is wrong with it, and its own bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pipelines import system
from pipelines.files import write_errors
from pipelines.records import Rejected

HEADER = b"source,line,reason,row\n"


def encode_rejected(rows: Iterable[Rejected]) -> bytes:
    """A line a row; the last cell is in quotes, those in it doubled, and else as it stood in the file."""
    return b"".join(_line(row) for row in rows)


def append_rejected(path: str, rows: Iterable[Rejected]) -> None:
    """Add rows to the end of a file, under a header if it is new; raises SinkError where that fails."""
    place = Path(path)
    with write_errors(path), system.opened(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
        header = b"" if os.fstat(descriptor).st_size else HEADER
        system.write_all(descriptor, header + encode_rejected(rows))


def _line(row: Rejected) -> bytes:
    known = _quoted(row.source.encode()), str(row.number).encode(), _quoted(row.reason.encode())
    return b",".join([*known, _quoted(row.raw)]) + b"\n"


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'

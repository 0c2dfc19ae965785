"""Journal: the last record of a run, kept in the file that locks its output.

A record is a line with a number and a checksum. A record never overwrites the last one, so that an
interrupted write leaves the last one readable; the file is never larger than a few records. As records and
lock are one file, both are removed in one step when the run is finished.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.sinks.lock import Lock

Record = dict[str, Any]


class _Line(NamedTuple):
    number: int
    start: int
    end: int
    text: bytes


class Journal:
    """The records of the run that holds a lock."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._last = _Line(0, 0, 0, b"")

    @property
    def is_empty(self) -> bool:
        """Whether the journal has no record."""
        return not self._last.number

    def read(self) -> Record | None:
        """The last record; None if there is none."""
        with write_errors(self._lock.name):
            self._last = _last_line(_content(self._lock.descriptor))
        return None if self.is_empty else _record(self._last)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record and flush it to disk; raises SinkError."""
        number, text = self._last.number + 1, json.dumps(record).encode()
        line = b"%d %s %s\n" % (number, _checksum(number, text), text)
        start = 0 if len(line) <= self._last.start else self._last.end
        with write_errors(self._lock.name):
            os.lseek(self._lock.descriptor, start, os.SEEK_SET)
            system.write_all(self._lock.descriptor, line)
            system.calls.sync(self._lock.descriptor)
        self._last = _Line(number, start, start + len(line), text)

    def clear(self) -> None:
        """Remove all records."""
        self._last = _Line(0, 0, 0, b"")
        with write_errors(self._lock.name):
            if os.fstat(self._lock.descriptor).st_size:
                system.calls.truncate(self._lock.descriptor, 0)


def last_record(lock: Lock) -> Record | None:
    """The last record of the run that holds, or held, a lock; None if there is none."""
    try:
        line = _last_line(lock.path.read_bytes())
    except OSError:
        return None
    return _record(line) if line.number else None


def _content(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))


def _last_line(content: bytes) -> _Line:
    """The valid line with the highest number; one of number 0 if there is none."""
    return max(_valid_lines(content), default=_Line(0, 0, 0, b""))


def _valid_lines(content: bytes) -> Iterator[_Line]:
    start = 0
    for line in content.split(b"\n")[:-1]:
        end = start + len(line) + 1
        number, _, rest = line.partition(b" ")
        checksum, _, text = rest.partition(b" ")
        if number.isdigit() and checksum == _checksum(int(number), text):
            yield _Line(int(number), start, end, text)
        start = end


def _record(line: _Line) -> Record:
    record: Record = json.loads(line.text)
    return record


def _checksum(number: int, text: bytes) -> bytes:
    return hashlib.sha256(b"%d %s" % (number, text)).hexdigest()[:16].encode()

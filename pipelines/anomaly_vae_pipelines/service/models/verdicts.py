"""VerdictLog: verdicts about rows, appended to one file per model, on disk before they are acknowledged.

The service never learns from them by itself: ``anomaly-vae learn`` reads the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.records import VERDICT, VERDICT_ID
from anomaly_vae_pipelines.service.errors import UnstoredError
from anomaly_vae_pipelines.sinks.lock import Lock


class Verdict(NamedTuple):
    """A verdict about a row.

    Attributes
    ----------
    id : str
        Identifies the row; a later verdict with the same id replaces an earlier one. Empty for the digest of
        the row.
    verdict : str
        "normal", "anomalous", or empty to withdraw an earlier one.
    row : mapping of str to object
        The cells of the model's columns, as JSON values.
    """

    id: str
    verdict: str
    row: Mapping[str, Any]


class Appended(NamedTuple):
    """Numbers of verdicts: those that were appended, and those that the file had already."""

    n_stored: int
    n_known: int


class VerdictLog:
    """Files of verdicts in a folder, ``NAME.jsonl`` per model. Threads may share it.

    Parameters
    ----------
    folder : Path
        Exists and is writable.

    Raises
    ------
    InputError
        If the folder does not exist or cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{folder}: is not a folder that can be written to; create it for the verdicts")
        self.folder = folder
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()

    def append(self, model: str, verdicts: Sequence[Verdict], about: Mapping[str, str]) -> Appended:
        """Append verdicts that the file of a model does not have yet, all or none, and flush them to disk.

        ``about`` is added to each line. Raises UnstoredError if that fails; nothing is stored then.
        """
        with self._lock:
            try:
                return self._file(model).append(verdicts, about)
            except (OSError, SinkError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise UnstoredError(reason) from error

    def close(self) -> None:
        """Release the files."""
        with self._lock:
            for file in self._files.values():
                file.lock.release()
            self._files.clear()

    def _file(self, model: str) -> _File:
        if model not in self._files:
            # Names such as "a/b" and ".." stay within the folder.
            path = self.folder / f"{quote(model, safe='').replace('.', '%2E')}.jsonl"
            lock = Lock(path, str(path))
            lock.acquire()
            try:
                self._files[model] = _File(path, lock, *_known(path))
            except BaseException:
                lock.release()
                raise
        return self._files[model]


@dataclass
class _File:
    """A file of verdicts, its lock, its size in bytes, and the last verdict by the digest of each id."""

    path: Path
    lock: Lock
    size: int
    last: dict[bytes, str] = field(default_factory=dict)

    def append(self, verdicts: Sequence[Verdict], about: Mapping[str, str]) -> Appended:
        new: dict[bytes, str] = {}
        lines = []
        for verdict in verdicts:
            name = verdict.id or _row_id(verdict.row)
            digest = _digest(name)
            if new.get(digest, self.last.get(digest, "")) != verdict.verdict:
                new[digest] = verdict.verdict
                lines.append({**verdict.row, VERDICT: verdict.verdict or None, VERDICT_ID: name, **about})
        if lines:
            self._write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
            self.last |= new
        return Appended(len(lines), len(verdicts) - len(lines))

    def _write(self, data: bytes) -> None:
        is_new = not self.path.exists()
        with system.opened(self.path, os.O_WRONLY | os.O_CREAT, 0o600) as descriptor:
            try:
                system.calls.truncate(descriptor, self.size)  # the rest of a write that failed
                os.lseek(descriptor, self.size, os.SEEK_SET)
                system.write_all(descriptor, data)
                system.calls.sync(descriptor)
            except OSError:
                system.calls.truncate(descriptor, self.size)
                raise
        if is_new:
            system.sync_directory(self.path.parent)
        self.size += len(data)


def _known(path: Path) -> tuple[int, dict[bytes, str]]:
    """Bytes of the complete lines of a file, and the last verdict by the digest of each id.

    A last line without its end was written by a process that was killed, and was not acknowledged.
    """
    size, last = 0, {}
    if not path.exists():
        return size, {}
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):
                break
            size += len(line)
            if line.strip():
                name, verdict = _read(line, path, number)
                last[_digest(name)] = verdict
    return size, last


def _read(line: bytes, path: Path, number: int) -> tuple[str, str]:
    try:
        stored = json.loads(line)
        return str(stored[VERDICT_ID]), str(stored[VERDICT] or "")
    except (ValueError, TypeError, KeyError):
        problem = f"{path}, line {number}: is not a verdict of this service; move the file away"
        raise SinkError(problem) from None


def _digest(name: str) -> bytes:
    """A short key of an id, so that long ids take no memory."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]


def _row_id(row: Mapping[str, Any]) -> str:
    """The id of a row that the client did not name: the digest of its cells."""
    text = json.dumps(row, sort_keys=True, ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:32]

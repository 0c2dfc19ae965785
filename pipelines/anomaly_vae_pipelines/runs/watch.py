"""Watcher: scores rows as they are added to a file or a directory, and passes them to an observer.

Read positions belong to files, not to names. A rotated file is identified by its inode or its fingerprint and
is read to its end under its new name, then the files that were rotated after it, oldest first. A truncated
file is read from its start. Positions and the state of the observer are in one checkpoint file, which is
replaced atomically after every block, so that a restart neither skips nor repeats rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.runs.observing import Observing
from anomaly_vae_pipelines.runs.positions import Position
from anomaly_vae_pipelines.sources import Source, SourcePosition
from anomaly_vae_pipelines.sources.arrivals import Arrivals
from anomaly_vae_pipelines.sources.rotation import modified, rotated_files
from anomaly_vae_pipelines.sources.stream import MAX_RECORD_BYTES

_PIECE = 1 << 20


class Watcher:
    """Passes all rows of a file or a directory to an observer as they arrive.

    Parameters
    ----------
    observing : Observing
        What is done with rows.
    source : str
        A file, which may not exist yet, or a directory of files.
    arrivals : Arrivals
        Finds and opens the files. One that cannot be read is reported once, and retried when it changes.

    Attributes
    ----------
    n_lost : int
        Number of files that could not be read to their end.
    is_waiting : bool
        Whether a rotated file still has to be read, once it no longer changes.

    Raises
    ------
    InputError
        For a checkpoint that is not valid.
    """

    def __init__(self, observing: Observing, source: str, arrivals: Arrivals) -> None:
        self.observing, self.source, self._arrivals = observing, Path(source), arrivals
        self.n_lost, self.is_waiting = 0, False
        self._reported: dict[str, str] = {}
        with observing.valid_checkpoint():
            files: dict[str, Any] = observing.saved["files"] if observing.saved else {}
            self._positions = {name: Position(**fields) for name, fields in files.items()}

    def poll(self) -> int:
        """Read the rows that were added since the last poll; returns their number."""
        before, self.is_waiting = self.observing.counts.n_rows, False
        files = list(self._files())
        for path in files:
            try:
                self._read(path)
            except InputError as error:
                self._report(path, str(error))
                continue
            self.is_waiting = self._must_wait(path)
            if self.is_waiting:
                break
        self._forget(files)
        return self.observing.counts.n_rows - before

    def close(self) -> None:
        """Do nothing: no file is open between polls."""

    def wait(self, seconds: float) -> None:
        """Wait before the next poll."""
        time.sleep(seconds)

    def save(self) -> None:
        """Save positions and the state of the observer to the checkpoint."""
        self.observing.save(files={name: asdict(position) for name, position in self._positions.items()})

    def _files(self) -> Iterator[Path]:
        """Yield the files to read, in the order in which they were last written."""
        if self.source.is_dir():
            yield from sorted(
                self._arrivals.files_in(self.source), key=lambda path: (modified(path), path.name)
            )
            return
        unread = self._unread()
        yield from (path for path in self._renamed() if path not in unread)
        yield from unread
        if self.source.exists():
            yield self.source

    def _unread(self) -> list[Path]:
        """Return, after a rotation, the last file read and those rotated after it, oldest first."""
        if not self._positions or self._arrivals.needs_complete_file(self.source) or self._only_grew():
            return []
        name, position = self._last_read()
        rotated = rotated_files(self.source)
        renamed = next((path for path in self._renamed() if _identity(path) == name), None)
        if renamed is not None and renamed not in rotated:
            return [renamed, *(path for path in rotated if modified(path) > modified(renamed))]
        last = renamed or self._find_copy(name, position, rotated)
        if last is None:
            self._report_lost(name, position)
            # Rows may have come within the same tick of the clock as the last poll, which found none.
            return [
                path
                for path in rotated
                if modified(path) > position.mtime
                or (modified(path) == position.mtime and not position.offset)
            ]
        return rotated[rotated.index(last) :]

    def _last_read(self) -> tuple[str, Position]:
        """Return the last file of which rows were read, or else the last one that was found."""
        found = list(self._positions.items())
        return next((item for item in reversed(found) if item[1].offset), found[-1])

    def _only_grew(self) -> bool:
        """Return whether the watched file was read before and has only grown since."""
        position = self._positions.get(_identity(self.source) or "")
        return position is not None and position.offset > 0 and position.fits(self.source)

    def _find_copy(self, name: str, position: Position, rotated: list[Path]) -> Path | None:
        """Find a copy of a file, plain or compressed, and move the position to it; None if there is none."""
        copies = [path for path in rotated if position.n_head and position.fits(path)]
        if not copies:
            return None
        later = [path for path in copies if modified(path) >= position.mtime]
        copy = (later or copies)[0]
        del self._positions[name]
        self._positions[_identity(copy) or ""] = position
        return copy

    def _report_lost(self, name: str, position: Position) -> None:
        """Report that a file is gone, with the rows that were added after the read position."""
        del self._positions[name]
        if not position.offset:
            return
        self.n_lost += 1
        is_truncated = name == _identity(self.source)
        what = "was truncated or replaced; it is read from its start" if is_truncated else "is gone"
        self.observing.on_trouble(
            f"{self.source}: {what}. The file that was read up to line {position.line} is not among its "
            f"rotated files, so rows added to it after that line are lost"
        )

    def _must_wait(self, path: Path) -> bool:
        """Return whether a rotated file, which comes before the files after it, may still change."""
        if self.source.is_dir() or path == self.source or not self._arrivals.needs_complete_file(path):
            return False
        position = self._positions.get(_identity(path) or "")
        return position is not None and not position.is_done

    def _renamed(self) -> list[Path]:
        """Return the files that were read under the watched name and now have another name."""
        current = _identity(self.source)
        known = {name for name in self._positions if name != current}
        if not known or not self.source.parent.is_dir():
            return []
        found = [path for path in sorted(self.source.parent.iterdir()) if _identity(path) in known]
        return [path for path in found if self._is_same(path)]

    def _is_same(self, path: Path) -> bool:
        """Return whether a file is the one whose position has its identity, which a new file may have got."""
        position = self._positions[_identity(path) or ""]
        return position.is_unchanged(path.stat()) or position.fits(path)

    def _read(self, path: Path) -> None:
        """Pass the new rows of a file to the observer."""
        name = _identity(path)
        if name is None:
            return
        with ExitStack() as stack:
            with _errors_of(path):
                position = self._position(name, path)
                if not self._is_ready(path, position):
                    return
                stream = stack.enter_context(path.open("rb"))
            source = stack.enter_context(self._arrivals.open(path))
            if {_identity_of(os.fstat(stream.fileno())), _identity(path)} != {name}:
                return  # it has just been rotated, and will be read under its new name
            self.observing.check(source)
            self._positions[name] = self._positions.pop(name)  # in the order in which they were last read
            self._observe(source, position, stream)
        position.is_done = self._arrivals.needs_complete_file(path)
        self.save()

    def _is_ready(self, path: Path, position: Position) -> bool:
        """Return whether a file has new rows; a file that is read as a whole must no longer change."""
        status = path.stat()
        is_unchanged = position.is_unchanged(status)
        position.size, position.mtime = status.st_size, status.st_mtime
        if self._arrivals.needs_complete_file(path):
            return not position.is_done and is_unchanged
        return position.size > position.offset and (position.offset > 0 or _has_line(path))

    def _observe(self, source: Source, position: Position, stream: IO[bytes]) -> None:
        start = SourcePosition(position.offset, position.line) if position.offset else None
        for block in self.observing.observe(source, start):
            if self._arrivals.needs_complete_file(Path(source.name)):
                position.offset, position.line = block.end.offset, block.end.line
            else:
                position.move(stream, block.end.offset, block.end.line)
            self.save()

    def _position(self, name: str, path: Path) -> Position:
        """Return the read position in a file; the start if the file was truncated or replaced."""
        position = self._positions.setdefault(name, Position())
        status = path.stat()
        if self._arrivals.needs_complete_file(path):
            is_other = position.is_done and not position.is_unchanged(status)
        else:
            is_other = status.st_size < position.offset or not position.fits(path)
        if is_other:
            self.observing.on_trouble(f"{path}: was truncated or replaced; it is read from its start")
            position = self._positions[name] = Position()
        return position

    def _report(self, path: Path, problem: str) -> None:
        """Report a problem once."""
        if self._reported.get(str(path)) != problem:
            self._reported[str(path)] = problem
            self.observing.on_trouble(problem)

    def _forget(self, files: list[Path]) -> None:
        """Drop the positions of files that are gone."""
        existing = {_identity(path) for path in files}
        self._positions = {name: position for name, position in self._positions.items() if name in existing}


def _identity(path: Path) -> str | None:
    """Return device and inode, which identify a file whatever its name; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _identity_of(status) if path.is_file() else None


def _identity_of(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Raise an OSError of the block as a SourceError that names the file."""
    try:
        yield
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}); it is tried again"
        raise SourceError(str(path), None, problem) from error


def _has_line(path: Path) -> bool:
    """Return whether a file has a complete line, or begins with one that is too long, which is an error."""
    with path.open("rb") as stream:
        for _ in range(0, MAX_RECORD_BYTES, _PIECE):
            piece = stream.read(_PIECE)
            if len(piece) < _PIECE or b"\n" in piece:
                return b"\n" in piece
    return True


def default_checkpoint(source: str) -> Path:
    """Return the default checkpoint of a watch: a hidden file next to the source."""
    path = Path(os.path.abspath(source))
    return path.with_name(f".{path.name}.watch")

"""Small files that are replaced whole: a reader, or a run after a crash, sees the old text or the new."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.errors import SinkError


def write_whole(path: Path, text: str, *, sync_name: bool = True) -> None:
    """Put a text in the place of a file, on disk when this returns; only its owner may read it.

    Without ``sync_name`` the file is on disk but its name may not be yet: who writes many files calls
    ``sync_directory`` once. Raises SinkError where the operating system refuses; the old file is then as
    it was.
    """
    with naming(path):
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        try:
            _write(temporary, text)
            os.replace(temporary, path)
            if sync_name:
                sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory and those above it where they are missing; raises SinkError."""
    with naming(path):
        path.mkdir(parents=True, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise what the operating system says inside the block as a SinkError that names the file."""
    try:
        yield
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror}); nothing was changed") from error


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())

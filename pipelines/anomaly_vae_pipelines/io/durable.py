"""Small files that are replaced whole: a reader, or a run after a crash, sees the old text or the new."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system


def write_whole(path: Path, text: str, *, sync_name: bool = True) -> None:
    """Put a text in the place of a file, on disk when this returns; only its owner may read it.

    Without ``sync_name`` the file is on disk but its name may not be yet: a caller that writes many files
    calls ``system.sync_directory`` once. Raises SinkError where the operating system refuses; the old file
    is then as it was.
    """
    with naming(path):
        with replaced(path) as temporary:
            _write(temporary, text)
        if sync_name:
            system.sync_directory(path.parent)


@contextmanager
def replaced(target: Path, suffix: str = "") -> Iterator[Path]:
    """A temporary path beside ``target`` that takes its place when the block ends well.

    Its name ends in ``suffix``; without one, a search for files like ``target`` does not find it.

    Whatever is raised in the block leaves ``target`` as it was, and no temporary file.
    """
    temporary = target.with_name(f".anomaly-vae-{secrets.token_hex(4)}{suffix}")
    try:
        yield temporary
        system.calls.replace(temporary, target)
    finally:
        system.remove(temporary)


def make_directory(path: Path) -> None:
    """Make a directory and those above it where they are missing; raises SinkError."""
    with naming(path):
        for missing in reversed([place for place in (path, *path.parents) if not place.is_dir()]):
            _make(missing)
            system.sync_directory(missing.parent)


def remove(path: Path) -> None:
    """Remove a file, which may be gone already; raises SinkError."""
    with naming(path):
        if path.exists():
            system.calls.unlink(path)


def move(path: Path, target: Path) -> None:
    """Move a file to another place of the same file system; raises SinkError."""
    with naming(target):
        system.calls.replace(path, target)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise what the operating system says inside the block as a SinkError that names the file."""
    try:
        yield
    except OSError as error:
        raise SinkError(
            f"{path}: cannot be written ({error.strerror or error}); nothing was changed"
        ) from error


def _make(path: Path) -> None:
    """Make a directory, which another process may do at the same time."""
    try:
        system.calls.mkdir(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def _write(path: Path, text: str) -> None:
    with system.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as descriptor:
        system.write_all(descriptor, text.encode())
        system.calls.sync(descriptor)

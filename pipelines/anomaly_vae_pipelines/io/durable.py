"""Atomic replacement of files: after a crash, a reader sees the complete old or the complete new content."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system


def atomic_write(path: Path, text: str, *, sync_name: bool = True) -> None:
    """Replace the content of a file atomically and flush it to disk; only its owner may read it.

    Without ``sync_name`` the directory is not flushed, so the name may not be on disk yet: a caller that
    writes many files calls ``system.sync_directory`` once. Raises SinkError if the file cannot be written;
    the old file is then unchanged.
    """
    with write_errors(path):
        with atomic_replacement(path) as temporary:
            _write(temporary, text)
        if sync_name:
            system.sync_directory(path.parent)


@contextmanager
def atomic_replacement(target: Path, suffix: str = "") -> Iterator[Path]:
    """A temporary path in the directory of ``target``, which it replaces if the block succeeds.

    Its name ends in ``suffix``; by default it has none, so that a glob for files like ``target`` does not
    match it. After an error in the block ``target`` is unchanged and the temporary file is removed.
    """
    temporary = target.with_name(f".anomaly-vae-{secrets.token_hex(4)}{suffix}")
    try:
        yield temporary
        system.calls.replace(temporary, target)
    finally:
        system.remove(temporary)


def make_directory(path: Path) -> None:
    """Create a directory and its missing parents; raises SinkError."""
    with write_errors(path):
        for missing in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
            _make(missing)
            system.sync_directory(missing.parent)


def remove(path: Path) -> None:
    """Remove a file if it exists; raises SinkError."""
    with write_errors(path):
        if path.exists():
            system.calls.unlink(path)


def move(path: Path, target: Path) -> None:
    """Move a file within its file system; raises SinkError."""
    with write_errors(target):
        system.calls.replace(path, target)


@contextmanager
def write_errors(path: str | Path) -> Iterator[None]:
    """Raise an OSError of the block as a SinkError that names the file.

    BrokenPipeError passes through: a reader that closes a pipe early is not an error of the output.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise SinkError(f"{path}: cannot be written ({reason}); nothing was changed") from error


def _make(path: Path) -> None:
    """Create a directory, which another process may create at the same time."""
    try:
        system.calls.mkdir(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def _write(path: Path, text: str) -> None:
    with system.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as descriptor:
        system.write_all(descriptor, text.encode())
        system.calls.sync(descriptor)

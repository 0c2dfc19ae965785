"""System calls: every change that a run makes on disk goes through here, so that a test can fail each one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)


class Calls:
    """The calls of the operating system that change files; each raises OSError where it fails."""

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        """A descriptor of a file, which may be created."""
        return os.open(path, flags | _BINARY, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write at the position of a file; gives the number of bytes that were taken."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file to a size."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return when a file is on disk."""
        os.fsync(descriptor)

    def chmod(self, path: Path, mode: int) -> None:
        """Set the permissions of a file."""
        os.chmod(path, mode)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name, in place of the file that has it."""
        os.replace(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        """Make a directory."""
        os.mkdir(path)

    def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        os.rmdir(path)


calls = Calls()
"""The calls in use."""


@contextmanager
def opened(path: Path, flags: int, mode: int = 0o666) -> Iterator[int]:
    """A descriptor of a file, closed after the block."""
    descriptor = calls.open(path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data at the position of a file."""
    rest = memoryview(data)
    while rest:
        rest = rest[calls.write(descriptor, rest) :]


def sync_file(path: Path) -> None:
    """Return when the content of a file is on disk."""
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        calls.sync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to disk, where the system can do that.

    A failure is ignored, as SQLite does: many file systems refuse it, and what was renamed is in its place.
    """
    with suppress(OSError):
        sync_file(path)


def remove(path: Path) -> None:
    """Remove a file if it is there and the system allows it."""
    if path.exists():
        with suppress(OSError):
            calls.unlink(path)


def remove_tree(path: Path) -> None:
    """Remove a directory and the files in it, as far as the system allows it."""
    if path.is_dir():
        for child in sorted(path.iterdir()):
            remove(child)
        with suppress(OSError):
            calls.rmdir(path)

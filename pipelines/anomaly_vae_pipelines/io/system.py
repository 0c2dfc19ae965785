"""System calls: runs change files only through this module, so that a test can make each call fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)


class Calls:
    """Calls of the operating system that change files; each raises OSError if it fails."""

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        """Open a file, or create it, and return its descriptor."""
        return os.open(path, flags | _BINARY, mode)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write at the position of a file; returns the number of bytes written."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        """Truncate a file to a size."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Flush a file to disk."""
        os.fsync(descriptor)

    def chmod(self, path: Path, mode: int) -> None:
        """Set the permissions of a file."""
        os.chmod(path, mode)

    def replace(self, source: Path, target: Path) -> None:
        """Rename a file, replacing the target."""
        os.replace(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        """Create a directory."""
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


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all data at the position of a file."""
    rest = memoryview(data)
    while rest:
        rest = rest[calls.write(descriptor, rest) :]


def sync_file(path: Path) -> None:
    """Flush the content of a file to disk."""
    descriptor = os.open(path, os.O_RDONLY | _BINARY)
    try:
        calls.sync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Flush the entries of a directory to disk, if the system can.

    A failure is ignored, as in SQLite: many file systems do not support it, and the rename itself was done.
    """
    with suppress(OSError):
        sync_file(path)


def remove(path: Path) -> None:
    """Remove a file if it exists; an error is ignored."""
    if path.exists():
        with suppress(OSError):
            calls.unlink(path)


def remove_tree(path: Path) -> None:
    """Remove a directory and the files in it; errors are ignored."""
    if path.is_dir():
        for child in sorted(path.iterdir()):
            remove(child)
        with suppress(OSError):
            calls.rmdir(path)

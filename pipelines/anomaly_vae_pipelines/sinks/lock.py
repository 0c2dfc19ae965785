"""Lock: one process at a time writes an output, known by a locked hidden file beside it."""

from __future__ import annotations

import os
from pathlib import Path

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.files import beside, write_errors


class Lock:
    """The right to write an output and all hidden files beside it.

    The file that is locked is not replaced, and only the process that holds the lock removes it. So a
    process that gets a lock checks that the file still has its name: if not, another process removed it in
    between, and the lock is worth nothing.

    Parameters
    ----------
    target : Path
        The output.
    name : str
        What the output is called in messages.
    """

    def __init__(self, target: Path, name: str) -> None:
        self.path, self.name = beside(target, "lock"), name
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lock."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The locked file, open for reading and writing; raises ValueError without the lock."""
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not locked")
        return self._descriptor

    def acquire(self) -> None:
        """Hold the lock from now on; raises SinkError where another process holds it."""
        with write_errors(self.name):
            while self._descriptor is None:
                descriptor = system.calls.open(self.path, os.O_RDWR | os.O_CREAT)
                try:
                    self._claim(descriptor)
                    if _is_named(descriptor, self.path):
                        self._descriptor = descriptor
                finally:
                    if self._descriptor is None:
                        os.close(descriptor)

    def release(self, *, keep: bool = False) -> None:
        """Give the lock up; its file is removed, or with ``keep`` only if it is empty."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        stays = keep and os.fstat(descriptor).st_size > 0
        if os.name == "nt":  # Windows removes no open file, and has no lock that this would weaken
            os.close(descriptor)
        if not stays:
            system.remove(self.path)
        if os.name != "nt":
            os.close(descriptor)

    def _claim(self, descriptor: int) -> None:
        try:
            import fcntl
        except ImportError:  # there is no such lock on Windows
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SinkError(f"{self.name}: another run is writing it; wait for that one to end") from None


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that has the name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

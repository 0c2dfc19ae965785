"""Lock: one process at a time writes an output, by means of a locked hidden file in its directory."""

from __future__ import annotations

import os
from pathlib import Path

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import write_errors
from anomaly_vae_pipelines.io.files import hidden_path


class Lock:
    """An exclusive lock of an output and of its hidden files.

    The locked file is never replaced, and only the process that holds the lock removes it. So a process
    that acquires a lock checks that the file still exists under its name: if not, another process removed
    it in the meantime, and the lock has no effect.

    Parameters
    ----------
    target : Path
        The output.
    name : str
        Name of the output in messages.
    """

    def __init__(self, target: Path, name: str) -> None:
        self.path, self.name = hidden_path(target, "lock"), name
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lock."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The locked file, open for reading and writing; raises ValueError if the lock is not held."""
        if self._descriptor is None:
            raise ValueError(f"{self.path} is not locked")
        return self._descriptor

    def acquire(self) -> None:
        """Acquire the lock; raises SinkError if another process holds it."""
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
        """Release the lock and remove its file; with ``keep``, remove it only if it is empty."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        stays = keep and os.fstat(descriptor).st_size > 0
        if os.name == "nt":  # Windows cannot remove an open file, and has no lock here
            os.close(descriptor)
        if not stays:
            system.remove(self.path)
        if os.name != "nt":
            os.close(descriptor)

    def _claim(self, descriptor: int) -> None:
        try:
            import fcntl
        except ImportError:  # fcntl does not exist on Windows
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SinkError(f"{self.name}: another run is writing it; wait for that run to end") from None


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether an open file is the file with this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False

"""Locks on the files of a run, because two runs with the same state would overwrite each other's."""

from __future__ import annotations

import os
import weakref
from contextlib import ExitStack, suppress
from pathlib import Path

from anomaly_vae_pipelines.alerting.state import spool_beside
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io.durable import make_directory, write_errors


class Lock:
    """A lock on a file, held until ``release`` or the end of the process.

    It is in a file of its own, ``<path>.lock``, because the file itself is replaced.

    Parameters
    ----------
    path : Path
        The file, which does not have to exist.

    Raises
    ------
    SinkError
        If another run holds the lock, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.lock")
        make_directory(self.path.parent)
        descriptor = self._opened(path)
        self._close = weakref.finalize(self, os.close, descriptor)

    def release(self) -> None:
        """Release the lock, so that another run can have it."""
        if self._close.alive:
            self.path.unlink(missing_ok=True)
            self._close()

    def _opened(self, path: Path) -> int:
        while True:
            with write_errors(self.path):
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            if not _is_locked_by_us(descriptor):
                os.close(descriptor)
                raise SinkError(
                    f"{path}: another run is using it for its alerts; wait until it ends, or give this one "
                    f"other files (--alert-state, --checkpoint, or spool in the rules)"
                )
            # The run that held the lock may have removed the file after it was opened here.
            with suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), os.stat(self.path)):
                    return descriptor
            os.close(descriptor)


def locked(spool: Path, owner: Path) -> ExitStack:
    """Locks on a spool and on the state that it belongs to, held until the stack is closed.

    The lock on a state also covers the spool beside it. Raises SinkError as ``Lock`` does.
    """
    with ExitStack() as stack:
        for path in [owner] if spool == spool_beside(owner) else [owner, spool]:
            stack.callback(Lock(path).release)
        return stack.pop_all()


def _is_locked_by_us(descriptor: int) -> bool:
    """Whether the lock was acquired; True if the system has no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # nor have some network file systems
        pass
    return True

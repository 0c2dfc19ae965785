"""A lock on what a run remembers: two runs that keep one state would overwrite each other's."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from anomaly_vae_pipelines.alerting.state import spool_beside
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io.durable import make_directory, write_errors


class Lock:
    """A lock on a file, held from here on until ``release``, or until the process ends in whatever way.

    It lies in a file of its own, ``<path>.lock``, because the file itself is replaced.

    Parameters
    ----------
    path : Path
        The file, which need not be there.

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
        """Let another run have it."""
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
                    f"{path}: another run is using it for its alerts; wait for that one to end, or give this "
                    f"one another place (--alert-state, --checkpoint, or spool in the rules)"
                )
            # The run that held the lock may have removed the file after it was opened here.
            with suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), os.stat(self.path)):
                    return descriptor
            os.close(descriptor)


def places_to_lock(spool: Path, owner: Path) -> Sequence[Path]:
    """What a run must have for itself; the lock of a file holds for the spool beside it."""
    return [owner] if spool == spool_beside(owner) else [owner, spool]


@contextmanager
def locked(spool: Path, owner: Path) -> Iterator[None]:
    """Hold the locks of a spool and the state that it belongs to; raises SinkError as ``Lock`` does."""
    with ExitStack() as stack:
        for path in places_to_lock(spool, owner):
            stack.callback(Lock(path).release)
        yield


def _is_locked_by_us(descriptor: int) -> bool:
    """Whether the lock could be had; where the system has none, it is taken for granted."""
    try:
        import fcntl
    except ImportError:  # there is no such lock on Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # nor on some file systems of a network
        return True
    return True

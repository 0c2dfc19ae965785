"""Whether a file became shorter while it was being read, which must not look like its end."""

from __future__ import annotations

import os
import stat
from typing import IO

from anomaly_vae_pipelines.errors import LostInputError


def length_of(stream: IO[bytes]) -> int | None:
    """Bytes of an open regular file; None for a pipe, a URL or bytes in memory."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def refuse_cut(name: str, expected: int | None, found: int | None) -> None:
    """Raise LostInputError where fewer bytes were found than a file had when the run began."""
    if expected is not None and found is not None and found < expected:
        raise LostInputError(
            f"{name}: was cut while it was being read: it had {expected:,} bytes when the run began, and "
            f"{found:,} could be read; nothing was written, run it again on the whole file"
        )

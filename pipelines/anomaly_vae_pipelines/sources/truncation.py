"""Checks that a file is not truncated while it is read, which would look like its end."""

from __future__ import annotations

import os
import stat
from typing import IO

from anomaly_vae_pipelines.errors import LostInputError


def stream_size(stream: IO[bytes]) -> int | None:
    """Size of an open regular file in bytes; None for a pipe, a URL or bytes in memory."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def check_not_truncated(name: str, expected: int | None, found: int | None) -> None:
    """Raise LostInputError if a file has fewer bytes than when the run started."""
    if expected is not None and found is not None and found < expected:
        raise LostInputError(
            f"{name}: was truncated while it was read: it had {expected:,} bytes when the run started, and "
            f"{found:,} could be read; nothing was written, run it again on the complete file"
        )

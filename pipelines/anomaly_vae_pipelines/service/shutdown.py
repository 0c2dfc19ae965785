"""Ending: a process that is asked to end is gone in time, whatever its threads still do.

Python waits for threads when a process ends, and a thread cannot be stopped. ``os._exit`` does not wait.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

GRACE = 0.5
"""Seconds after the drain that a service has to close what it opened."""

_FLUSH_SECONDS = 0.25
"""Time to write out what is buffered: a reader of stderr that stopped reading must not hold up the end."""


def leave(code: int) -> NoReturn:
    """End the process now with this exit code; logs and standard streams are flushed first."""
    flushing = threading.Thread(target=_flush, daemon=True)
    flushing.start()
    flushing.join(_FLUSH_SECONDS)
    os._exit(code)


def leave_after(seconds: float, code: int) -> None:
    """End the process with this exit code unless it has ended by itself within this many seconds."""

    def wait() -> None:
        time.sleep(seconds)
        leave(code)

    threading.Thread(target=wait, name="ending", daemon=True).start()


def _flush() -> None:
    with suppress(OSError, ValueError):
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()

"""Shutdown: the process ends in time, whatever its threads still do.

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
"""Seconds after ``drain_timeout`` in which the service may close its resources."""

_FLUSH_SECONDS = 0.25
"""Time to flush buffers: a process that no longer reads our stderr must not delay the exit."""


def exit_now(code: int) -> NoReturn:
    """End the process with this exit code, after flushing logs and standard streams."""
    flushing = threading.Thread(target=_flush, daemon=True)
    flushing.start()
    flushing.join(_FLUSH_SECONDS)
    os._exit(code)


def exit_after(seconds: float, code: int) -> None:
    """End the process with this exit code if it still runs after this many seconds."""

    def wait() -> None:
        time.sleep(seconds)
        exit_now(code)

    threading.Thread(target=wait, name="exit", daemon=True).start()


def _flush() -> None:
    with suppress(OSError, ValueError):
        logging.shutdown()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError, ValueError):
            stream.flush()

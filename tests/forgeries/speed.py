"""slowness: how much slower this machine is now than the one that the bounds of time are for."""

from __future__ import annotations

import io
import json
import time
from zipfile import ZipFile

MAX_SLOWNESS = 5.0
"""Beyond it, a load that takes too long hangs, however slow the machine is."""

# Processor time of `_task` on one core of a server of 2024 that runs other programs too.
_REFERENCE_SECONDS = 0.015


def slowness(reference_seconds: float = _REFERENCE_SECONDS) -> float:
    """Processor time of a fixed task over that of the reference, from 1 to MAX_SLOWNESS.

    The task is what a load does, in the standard library alone, so a change of the loader cannot change it.
    """
    seconds = min(_seconds() for _ in range(3))
    return min(max(seconds / reference_seconds, 1.0), MAX_SLOWNESS)


def _seconds() -> float:
    started = time.process_time()
    _task()
    return time.process_time() - started


def _task() -> None:
    """Write and read a zip of 500 members, and a JSON text of 10,000 numbers."""
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        for number in range(500):
            archive.writestr(f"{number}.npy", bytes(200))
        for name in archive.namelist():
            archive.read(name)
    json.loads(json.dumps([list(range(100))] * 100))

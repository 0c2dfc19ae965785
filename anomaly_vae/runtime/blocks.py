"""Rows in blocks, on as many threads as there are available cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from anomaly_vae.cores import n_cores

_local = threading.local()


def blocks(n_rows: int, size: int) -> list[slice]:
    """Slices of at most ``size`` rows, which bound the memory of scoring."""
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def for_each_block(n_rows: int, work: Callable[[slice], None], size: int) -> None:
    """Call ``work`` for every block of ``size`` rows, on as many threads as there are available cores.

    The environment variable OMP_NUM_THREADS limits the threads, and ``on_this_thread`` uses none. If blocks
    fail, the error of the first one in row order is raised.
    """
    pending = blocks(n_rows, size)
    n_threads = min(_available(), len(pending)) if len(pending) > 1 else 1
    if n_threads <= 1:
        for rows in pending:
            work(rows)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in pool.map(work, pending):
            pass


@contextmanager
def on_this_thread() -> Iterator[None]:
    """Let ``for_each_block`` use only this thread, for a caller that has a thread per core already."""
    before = getattr(_local, "alone", False)
    _local.alone = True
    try:
        yield
    finally:
        _local.alone = before


def _available() -> int:
    """The number of threads to use."""
    if getattr(_local, "alone", False):
        return 1
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    cores = n_cores()
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores

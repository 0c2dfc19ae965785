"""one_thread: run torch, if it is imported, on one thread, for work that is too small for several.

A training step and a block of rows to score take well under a millisecond. Several threads gain little on an
idle machine, and on a busy one all wait for the slowest; and the last bits of a result would depend on the
number of cores.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Set torch's number of intra-op threads to one inside, and restore it afterwards.

    Without effect if torch is not imported: most commands do without it.
    """
    if getattr(_local, "inside", False) or "torch" not in sys.modules:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


_lock, _local = threading.Lock(), threading.local()
_inside, _before, _is_warm = 0, 1, False


def _enter() -> None:
    """Set one thread; the first of concurrent callers records the number of threads before."""
    import torch

    global _inside, _before, _is_warm
    with _lock:
        if not _is_warm:
            _warm_up()
            _is_warm = True
        own = torch.get_num_threads()  # also makes torch initialise this thread, which would undo the 1 later
        _before = _before if _inside else own
        _inside += 1
        torch.set_num_threads(1)
    _local.inside = True


def _warm_up() -> None:
    """Run a first product and a first activation, while the lock is held.

    The libraries below torch choose their code at the first call. Of about a hundred processes whose threads
    made that call simultaneously, two had an early block that differed in its last bits; this is the most
    likely cause.
    """
    import torch

    torch.nn.functional.silu(torch.ones(64, 64) @ torch.ones(64, 64)).exp()


def _leave() -> None:
    """Restore the number of threads of this thread: torch has one number for each thread of the program."""
    import torch

    global _inside
    _local.inside = False
    with _lock:
        _inside -= 1
        torch.set_num_threads(_before)

"""one_thread: torch on one thread, for work that is too small to be shared.

A step of training and a block of scoring take well under a millisecond. Shared among threads they
gain little on an idle machine, and on a busy one each waits for the slowest; and the last bits of a
result would depend on the number of cores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Set torch's intra-op threads to one inside, and to what they were afterwards."""
    if getattr(_local, "inside", False):
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
    """Note what the number of threads was before the first of all callers came in."""
    global _inside, _before, _is_warm
    with _lock:
        if not _is_warm:
            _warm_up()
            _is_warm = True
        own = torch.get_num_threads()  # also makes torch set this thread up, which would undo the 1 later
        _before = _before if _inside else own
        _inside += 1
        torch.set_num_threads(1)
    _local.inside = True


def _warm_up() -> None:
    """A first product and a first activation, while nobody else may start one.

    The libraries below torch choose their code at the first call. Of some hundred processes whose threads
    made that call at once, two had an early block that differed in its last bits; this is the likeliest
    cause.
    """
    torch.nn.functional.silu(torch.ones(64, 64) @ torch.ones(64, 64)).exp()


def _leave() -> None:
    """Give this thread back what it had: torch counts for each thread of the program."""
    global _inside
    _local.inside = False
    with _lock:
        _inside -= 1
        torch.set_num_threads(_before)

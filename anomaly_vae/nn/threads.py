"""one_thread: torch on one thread, for work that is too small to be shared.

A step of training and a block of scoring take well under a millisecond. Shared among threads they
gain little on an idle machine, and on a busy one each waits for the slowest; and the last bits of a
result would depend on the number of cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Set torch's intra-op threads to one inside, and to what they were afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""in_order: map a function over items on several threads, with the results in order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from anomaly_vae.cores import n_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int | None = None
) -> Iterator[Result]:
    """``work`` of each item, on ``jobs`` threads (default: one per core), in order of the items.

    At most ``jobs + 2`` items are in progress, however slowly the results are consumed. An exception is
    raised in place of the result of its item.

    Examples
    --------
    >>> list(in_order(abs, [-1, 2, -3], jobs=2))
    [1, 2, 3]
    """
    n_jobs = jobs or n_cores()
    pool = ThreadPoolExecutor(n_jobs, thread_name_prefix="in-order")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > n_jobs + 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

"""in_order: work on several threads whose results come in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], jobs: int | None = None
) -> Iterator[Result]:
    """``work`` of each item, on ``jobs`` threads or one a core, in order of the items.

    Never more than a few items are in flight, however slowly the results are taken. What fails is
    raised where its result would have come.

    Examples
    --------
    >>> list(in_order(abs, [-1, 2, -3], jobs=2))
    [1, 2, 3]
    """
    n_jobs = jobs or joblib.cpu_count()
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

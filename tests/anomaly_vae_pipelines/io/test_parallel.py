"""Work on several threads."""

from __future__ import annotations

import threading
import time

import pytest

from anomaly_vae_pipelines.io.parallel import in_order


def test_results_come_in_order_whoever_is_first():
    """A slow item holds up the results after it, not their order."""
    assert list(in_order(lambda i: time.sleep(0.01 * (i % 3)) or i, range(20), jobs=3)) == list(range(20))


def test_few_items_are_in_flight():
    """However slowly results are taken, items are not read ahead without bound."""
    read = 0

    def items():
        nonlocal read
        for i in range(100):
            read += 1
            yield i

    results = in_order(abs, items(), jobs=2)
    next(results)
    assert read <= 5
    results.close()


@pytest.mark.parametrize("jobs", [1, 2])
def test_failure_comes_where_its_result_would_have(jobs):
    """What was before it is not lost, and threads end."""

    def work(i: int) -> int:
        return 1 // (3 - i)

    results = in_order(work, range(10), jobs=jobs)
    assert [next(results) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("in-order")]

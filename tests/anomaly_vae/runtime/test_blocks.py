"""Blocks cover the rows, and the error of the first one is raised."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.cores import n_cores
from anomaly_vae.runtime.blocks import blocks, for_each_block, on_this_thread

LAW = settings(deadline=None, max_examples=40, derandomize=True)


@LAW
@given(n_rows=st.integers(0, 5000), size=st.integers(1, 1500))
def test_blocks_cover_the_rows_once_in_order(n_rows: int, size: int) -> None:
    """Blocks follow each other, none is empty or larger than its size, and together they are the rows."""
    parts = blocks(n_rows, size)
    assert np.concatenate([np.arange(n_rows)[part] for part in parts] or [[]]).tolist() == list(range(n_rows))
    assert all(0 < part.stop - part.start <= size for part in parts)


@pytest.mark.parametrize("n_rows", [1, 10, 95])
def test_every_block_is_worked_on_once(n_rows: int) -> None:
    """On one thread or on several."""
    seen = np.zeros(n_rows, dtype=int)

    def work(rows: slice) -> None:
        seen[rows] += 1

    for_each_block(n_rows, work, 10)
    assert (seen == 1).all()


def test_the_first_error_in_row_order_is_raised() -> None:
    """Even if a later block fails sooner."""
    later_failed = threading.Event()

    def work(rows: slice) -> None:
        if rows.start == 0:
            later_failed.wait(timeout=1.0)
            raise ValueError("block 0")
        later_failed.set()
        raise ValueError(f"block {rows.start}")

    with pytest.raises(ValueError, match="block 0"):
        for_each_block(40, work, 10)


def test_one_thread_if_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """OMP_NUM_THREADS limits the threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = set()
    for_each_block(100, lambda _: threads.add(threading.get_ident()), 10)
    assert threads == {threading.get_ident()}


def test_one_thread_if_the_caller_has_one_per_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside ``on_this_thread`` no thread is started, and afterwards there may be several again."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads: set[int] = set()
    both_started = threading.Barrier(2)

    def work(rows: slice) -> None:
        threads.add(threading.get_ident())

    with on_this_thread():
        with on_this_thread():
            pass
        for_each_block(100, work, 10)
    assert threads == {threading.get_ident()}
    if n_cores() > 1:
        for_each_block(20, lambda _: both_started.wait(timeout=10.0), 10)

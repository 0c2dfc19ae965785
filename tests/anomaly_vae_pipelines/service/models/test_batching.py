"""Requests that come together are scored together, and each gets its own rows back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.reasons import Reasons
from anomaly_vae_pipelines.records import NumberRows, Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.service.errors import BusyError, RefusedRowsError
from anomaly_vae_pipelines.service.models.batching import MOST, Batcher


def rows_of(values: Sequence[float]) -> NumberRows:
    """Rows of one number each."""
    numbers = np.arange(len(values), dtype=np.int64)
    return NumberRows("here", ("x",), pa.table({}), numbers, values=np.array(values)[:, None])


class Scorer:
    """Gives each row its own number as its score, refuses negative ones, and remembers its batches.

    A row of 666 breaks it.
    """

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, rows: Rows, explain: bool) -> tuple[ScoredRows, list[Rejected]]:
        self.may_go_on.wait(10)
        assert isinstance(rows, NumberRows)
        self.batches.append(len(rows))
        values = rows.values[:, 0]
        if (values == 666).any():
            raise ValueError("broken")
        kept = values >= 0
        rejected = [
            Rejected("here", int(number), "cell", "negative", b"") for number in np.flatnonzero(~kept)
        ]
        left = rows.take(kept)
        scores = left.values[:, 0]
        reasons = {i: [(f"{score:g}", -1.0, 0.5)] for i, score in enumerate(scores)}
        scored = ScoredRows(left, scores, scores, scores, scores > 5, Reasons(reasons if explain else {}))
        return scored, rejected


def run(score: Scorer, asks: Sequence[tuple[Sequence[float], bool]], **options: float) -> list[object]:
    """What each ask gets if all come at once."""

    async def ask_all() -> list[object]:
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(score, executor, **options)  # type: ignore[arg-type]
            calls = [batcher.submit(rows_of(values), explain=explain) for values, explain in asks]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert batcher.n_rows == 0
            return list(results)

    return asyncio.run(ask_all())


asks = st.lists(
    st.tuples(
        st.lists(st.sampled_from([-1.0, 0.0, 1.0, 7.0, 8.0, 666.0]), min_size=1, max_size=5), st.booleans()
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(asks)
def test_nobody_feels_whom_they_were_scored_with(asks: list[tuple[list[float], bool]]) -> None:
    """Each ask gets its own scores and reasons, its own refusal, or its own failure."""
    for (values, explain), result in zip(asks, run(Scorer(), asks), strict=True):
        if 666.0 in values:
            assert isinstance(result, ValueError)
        elif -1.0 in values:
            assert isinstance(result, RefusedRowsError)
            assert [row for row, _ in result.problems] == [i for i, value in enumerate(values) if value < 0]
        else:
            assert isinstance(result, ScoredRows)
            assert result.scores.tolist() == values
            assert result.is_anomaly.tolist() == [value > 5 for value in values]
            names = [result.reasons[i][0].column for i in range(len(values))] if explain else []
            assert names == ([f"{value:g}" for value in values] if explain else [])


def test_asks_that_come_together_are_one_batch() -> None:
    """Once it is known how many there are, they wait for each other."""
    score = Scorer()

    async def ask_twice() -> None:
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(score, executor, wait=5.0)
            for _ in range(3):
                await asyncio.gather(*(batcher.submit(rows_of([1.0])) for _ in range(8)))

    asyncio.run(ask_twice())
    assert score.batches[-1] == 8
    assert sum(score.batches) == 24


def test_who_is_alone_waits_for_nobody() -> None:
    """However long a wait is allowed."""

    async def ask() -> float:
        with ThreadPoolExecutor(2) as executor:
            batcher, loop = Batcher(Scorer(), executor, wait=60.0), asyncio.get_running_loop()
            began = loop.time()
            for _ in range(5):
                await batcher.submit(rows_of([1.0]))
            return loop.time() - began

    assert asyncio.run(ask()) < 10.0


def test_who_is_missed_is_waited_for_no_longer_than_was_allowed() -> None:
    """A client that has left costs the others one short wait."""
    score = Scorer()

    async def ask() -> None:
        with ThreadPoolExecutor(2) as executor:
            batcher = Batcher(score, executor, wait=0.01)
            await asyncio.gather(*(batcher.submit(rows_of([1.0])) for _ in range(4)))
            await asyncio.wait_for(batcher.submit(rows_of([1.0])), 10)

    asyncio.run(ask())


def test_who_has_waited_too_long_is_let_go() -> None:
    """With BusyError, and the others go on."""
    score = Scorer()
    score.may_go_on.clear()

    async def ask() -> list[object]:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(score, executor, max_wait=0.05, wait=0.0)
            first = asyncio.create_task(batcher.submit(rows_of([1.0])))
            await asyncio.sleep(0)
            late = asyncio.create_task(batcher.submit(rows_of([2.0])))
            await asyncio.sleep(0.1)
            score.may_go_on.set()
            done = await asyncio.gather(first, late, return_exceptions=True)
            return [*done, await batcher.submit(rows_of([3.0]))]

    first, late, after = asyncio.run(ask())
    assert isinstance(first, ScoredRows)
    assert isinstance(late, BusyError)
    assert isinstance(after, ScoredRows)


def test_there_is_room_unless_as_many_rows_are_here_as_are_scored_at_once() -> None:
    """And whoever waited before, waits as long less."""
    score = Scorer()
    score.may_go_on.clear()

    async def ask() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(score, executor, max_wait=5.0, wait=0.0)
            await asyncio.wait_for(batcher.capacity(), 1)
            many = asyncio.create_task(batcher.submit(rows_of([1.0] * MOST)))
            await asyncio.sleep(0)
            late = asyncio.create_task(batcher.submit(rows_of([1.0]), waited=6.0))
            room = asyncio.create_task(batcher.capacity())
            await asyncio.sleep(0.05)
            assert not room.done()
            score.may_go_on.set()
            await asyncio.wait_for(asyncio.gather(many, room), 10)
            with pytest.raises(BusyError):
                await late

    asyncio.run(ask())


def test_who_has_left_is_not_scored() -> None:
    """An ask that was cancelled while it waited costs nothing."""
    score = Scorer()
    score.may_go_on.clear()

    async def ask() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(score, executor, wait=0.0)
            first = asyncio.create_task(batcher.submit(rows_of([1.0])))
            await asyncio.sleep(0)
            gone = asyncio.create_task(batcher.submit(rows_of([2.0, 2.0])))
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            score.may_go_on.set()
            await first
            await asyncio.sleep(0.01)
            assert batcher.n_rows == 0

    asyncio.run(ask())
    assert score.batches == [1]

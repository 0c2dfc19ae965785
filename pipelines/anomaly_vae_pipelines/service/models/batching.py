"""Batcher: requests that come at the same time are scored together, off the event loop.

A product of sixty rows takes hardly longer than one of a single row. So requests that arrive while
others are being scored wait for them, and are then scored as one; and the first of a new batch waits, for
``wait`` seconds at most, until as many have come as were there at once of late: their clients will ask
again as soon as they have been answered. Whoever is alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from anomaly_vae_pipelines.records import ImageRows, NumberRows, Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.service.errors import BusyError, RefusedRowsError

ENOUGH = 1024
"""Rows that fill a product: more of them are not waited for."""

MOST = 4096
"""Rows that are scored at once, unless one request has more."""


@dataclass
class Ask:
    """Rows of one request that wait for their scores.

    Attributes
    ----------
    rows : Rows
    explain : bool
        Whether reasons are wanted.
    arrived : float
        When they began to wait, in seconds of the event loop.
    result : Future
        Where the ScoredRows will be.
    """

    rows: Rows
    explain: bool
    arrived: float
    result: asyncio.Future[ScoredRows] = field(repr=False)

    def joins(self, other: Ask) -> bool:
        """Whether both can be scored as one table."""
        return self.explain == other.explain and _kind(self.rows) == _kind(other.rows)


Score = Callable[[Rows, bool], tuple[ScoredRows, Sequence[Rejected]]]


class Batcher:
    """Scores the rows of requests, together where that may be.

    All methods belong to one event loop.

    Parameters
    ----------
    score : callable
        ``score(rows, explain)``, called on threads of the executor.
    executor : Executor
    joins : bool
        Whether rows of several requests may be scored as one.
    wait : float
        Longest time in seconds that a request waits for others.
    max_wait : float
        Seconds after which a request that waits to be scored is let go.
    n_threads : int
        Batches that are scored at once.
    """

    def __init__(
        self,
        score: Score,
        executor: Executor,
        *,
        joins: bool = True,
        wait: float = 0.002,
        max_wait: float = 0.5,
        n_threads: int = 2,
    ) -> None:
        self._score, self._executor, self._joins = score, executor, joins
        self._wait, self._max_wait, self._n_threads = wait, max_wait, n_threads
        self._pending: list[Ask] = []
        self._timer: asyncio.TimerHandle | None = None
        self._n_running, self.n_rows = 0, 0
        self._n_asks, self._most, self._wanted = 0, 0, 1
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def room(self) -> None:
        """Wait until fewer rows are here than are scored at once: more need not be read yet."""
        await self._has_room.wait()

    async def submit(self, rows: Rows, *, explain: bool = False, waited: float = 0.0) -> ScoredRows:
        """The scored rows of one request, which has waited for some seconds before.

        Raises
        ------
        BusyError
            Where too much work was waiting; RefusedRowsError for rows that the model cannot read.
        """
        loop = asyncio.get_running_loop()
        ask = Ask(rows, explain, loop.time() - waited, loop.create_future())
        self._pending.append(ask)
        self._count(1, len(rows))
        self._most = max(self._most, self._n_asks)
        self._consider()
        return await ask.result

    def _consider(self) -> None:
        """Start a batch now, or see to it that one will be."""
        n_rows = sum(len(ask.rows) for ask in self._pending)
        if self._n_running:
            if n_rows >= ENOUGH and self._n_running < self._n_threads:
                self._start()
        elif n_rows >= ENOUGH or len(self._pending) >= self._wanted or not self._wait:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._let_go()
        if not self._pending:
            return
        asks = self._next()
        self._wanted, self._most = self._most, self._n_asks
        self._n_running += 1
        running = asyncio.get_running_loop().run_in_executor(self._executor, self._work, asks)
        running.add_done_callback(lambda done: self._finish(asks, done))

    def _let_go(self) -> None:
        """Refuse those that have waited too long, and forget those that nobody waits for."""
        oldest = asyncio.get_running_loop().time() - self._max_wait
        for ask in self._pending:
            if ask.arrived < oldest or ask.result.done():
                self._leave([ask])
                _give(ask, BusyError())
        self._pending = [ask for ask in self._pending if not ask.result.done()]

    def _leave(self, asks: Sequence[Ask]) -> None:
        self._count(-len(asks), -sum(len(ask.rows) for ask in asks))

    def _count(self, n_asks: int, n_rows: int) -> None:
        self._n_asks += n_asks
        self.n_rows += n_rows
        if self.n_rows < MOST:
            self._has_room.set()
        else:
            self._has_room.clear()

    def _next(self) -> list[Ask]:
        """The oldest request and those behind it that can be scored along with it."""
        first, *others = self._pending
        taken, left, n_rows = [first], list[Ask](), len(first.rows)
        for ask in others:
            if self._joins and n_rows + len(ask.rows) <= MOST and ask.joins(first):
                taken.append(ask)
                n_rows += len(ask.rows)
            else:
                left.append(ask)
        self._pending = left
        return taken

    def _work(self, asks: Sequence[Ask]) -> list[ScoredRows | Exception]:
        """What each request gets; on a thread of the executor."""
        try:
            scored, rejected = self._score(_joined([ask.rows for ask in asks]), asks[0].explain)
        except Exception as error:
            if len(asks) == 1:
                return [error]
            return [result for ask in asks for result in self._work([ask])]
        return _split(scored, rejected, [len(ask.rows) for ask in asks])

    def _finish(self, asks: Sequence[Ask], done: asyncio.Future[list[ScoredRows | Exception]]) -> None:
        self._n_running -= 1
        self._leave(asks)
        failure = done.exception()
        results = [failure] * len(asks) if isinstance(failure, Exception) else done.result()
        for ask, result in zip(asks, results, strict=True):
            _give(ask, result)
        if self._pending:
            self._consider()


def _give(ask: Ask, result: ScoredRows | Exception) -> None:
    if ask.result.done():  # whoever asked has left
        return
    if isinstance(result, Exception):
        ask.result.set_exception(result)
    else:
        ask.result.set_result(result)


def _kind(rows: Rows) -> object:
    """What must be the same for rows to be joined."""
    if isinstance(rows, NumberRows):
        return NumberRows
    if isinstance(rows, ImageRows):
        return rows.images.dtype, rows.images.shape[1:]
    return rows.table.schema


def _joined(pieces: Sequence[Rows]) -> Rows:
    """Rows of one kind as one, numbered from 0."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    numbers = np.arange(sum(map(len, pieces)), dtype=np.int64)
    if isinstance(first, NumberRows):
        values = np.concatenate([piece.values for piece in pieces if isinstance(piece, NumberRows)])
        return replace(first, numbers=numbers, values=values)
    table = pa.concat_tables([piece.table for piece in pieces])
    if isinstance(first, ImageRows):
        own = [piece for piece in pieces if isinstance(piece, ImageRows)]
        paths = tuple(path for piece in own for path in piece.paths)
        images = np.concatenate([piece.images for piece in own])
        return replace(first, table=table, numbers=numbers, images=images, paths=paths)
    return replace(first, table=table, numbers=numbers)


def _split(
    scored: ScoredRows, rejected: Sequence[Rejected], sizes: Sequence[int]
) -> list[ScoredRows | Exception]:
    """What each request gets of the rows that were scored as one."""
    if not rejected and len(sizes) == 1:
        return [scored]
    results: list[ScoredRows | Exception] = []
    bounds = np.cumsum([0, *sizes])
    places = np.searchsorted(scored.rows.numbers, bounds)
    for size, begin, end, first, last in zip(
        sizes, bounds[:-1], bounds[1:], places[:-1], places[1:], strict=True
    ):
        refused = [(int(row.number - begin), row.reason) for row in rejected if begin <= row.number < end]
        if refused:
            results.append(RefusedRowsError(size, sorted(refused)))
        else:
            results.append(_part(scored, int(first), int(last)))
    return results


def _part(scored: ScoredRows, first: int, last: int) -> ScoredRows:
    """The rows from first to last."""
    kept = np.zeros(len(scored), dtype=bool)
    kept[first:last] = True
    return ScoredRows(
        scored.rows.take(kept),
        scored.scores[first:last],
        scored.p_values[first:last],
        scored.is_anomaly[first:last],
        {row - first: reasons for row, reasons in scored.reasons.items() if first <= row < last},
    )

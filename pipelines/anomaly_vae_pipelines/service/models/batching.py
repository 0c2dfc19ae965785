"""Batcher: concurrent requests are scored together, off the event loop.

Scoring sixty rows takes hardly longer than scoring one. So requests that arrive while others are being scored
are collected, and then scored as one batch. The first request of a new batch waits, for at most ``wait``
seconds, until as many have arrived as were there at once recently: clients often send the next request as
soon as they have a response. A single client never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from anomaly_vae_pipelines.records import ImageRows, NumberRows, Rejected, Rows, ScoredRows
from anomaly_vae_pipelines.service.errors import BusyError, RefusedRowsError

ENOUGH = 1024
"""Rows of a full batch: it does not wait for more."""

MOST = 4096
"""Largest number of rows scored at once, unless a single request has more."""


@dataclass
class Job:
    """Rows of one request, waiting for their scores.

    Attributes
    ----------
    rows : Rows
    explain : bool
        Whether to compute reasons.
    arrived : float
        Time of the event loop when they started to wait, in seconds.
    result : Future
        Receives the ScoredRows.
    """

    rows: Rows
    explain: bool
    arrived: float
    result: asyncio.Future[ScoredRows] = field(repr=False)

    def joins(self, other: Job) -> bool:
        """Whether both can be scored as one table."""
        return self.explain == other.explain and kind_of(self.rows) == kind_of(other.rows)


Score = Callable[[Rows, bool], tuple[ScoredRows, Sequence[Rejected]]]


class Batcher:
    """Scores the rows of requests, together if possible.

    All methods belong to one event loop.

    Parameters
    ----------
    score : callable
        ``score(rows, explain)``, called on threads of the executor.
    executor : Executor
    joins : bool
        Whether rows of several requests may be scored together.
    wait : float
        Longest time in seconds that a request waits for others.
    max_wait : float
        Seconds after which a request that still waits gets a BusyError.
    n_threads : int
        Batches scored at the same time.
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
        self._pending: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._n_running, self.n_rows = 0, 0
        self._n_jobs, self._most, self._wanted = 0, 0, 1
        self._has_capacity = asyncio.Event()
        self._has_capacity.set()

    async def capacity(self) -> None:
        """Wait until fewer rows are waiting than are scored at once: until then no more need be read."""
        await self._has_capacity.wait()

    async def submit(self, rows: Rows, *, explain: bool = False, waited: float = 0.0) -> ScoredRows:
        """The scored rows of one request, which has already waited for ``waited`` seconds.

        Raises
        ------
        BusyError
            If it waited too long; RefusedRowsError for rows that the model cannot read.
        """
        loop = asyncio.get_running_loop()
        job = Job(rows, explain, loop.time() - waited, loop.create_future())
        self._pending.append(job)
        self._count(1, len(rows))
        self._most = max(self._most, self._n_jobs)
        self._schedule()
        return await job.result

    def _schedule(self) -> None:
        """Start a batch now, or set a timer for it."""
        n_rows = sum(len(job.rows) for job in self._pending)
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
        self._drop_late()
        if not self._pending:
            return
        jobs = self._next()
        self._wanted, self._most = self._most, self._n_jobs
        self._n_running += 1
        running = asyncio.get_running_loop().run_in_executor(self._executor, self._work, jobs)
        running.add_done_callback(lambda done: self._finish(jobs, done))

    def _drop_late(self) -> None:
        """Remove the jobs that have waited too long, and those whose client has left."""
        oldest = asyncio.get_running_loop().time() - self._max_wait
        for job in self._pending:
            if job.arrived < oldest or job.result.done():
                self._count(-1, -len(job.rows))
                _finish_job(job, BusyError())
        self._pending = [job for job in self._pending if not job.result.done()]

    def _count(self, n_jobs: int, n_rows: int) -> None:
        self._n_jobs += n_jobs
        self.n_rows += n_rows
        if self.n_rows < MOST:
            self._has_capacity.set()
        else:
            self._has_capacity.clear()

    def _next(self) -> list[Job]:
        """The oldest job, and later ones that can be scored with it."""
        first, *others = self._pending
        taken, left, n_rows = [first], list[Job](), len(first.rows)
        for job in others:
            if self._joins and n_rows + len(job.rows) <= MOST and job.joins(first):
                taken.append(job)
                n_rows += len(job.rows)
            else:
                left.append(job)
        self._pending = left
        return taken

    def _work(self, jobs: Sequence[Job]) -> list[ScoredRows | Exception]:
        """The result of each job; runs on a thread of the executor."""
        try:
            scored, rejected = self._score(joined([job.rows for job in jobs]), jobs[0].explain)
        except Exception as error:
            if len(jobs) == 1:
                return [error]
            return [result for job in jobs for result in self._work([job])]
        return _split(scored, rejected, [len(job.rows) for job in jobs])

    def _finish(self, jobs: Sequence[Job], done: asyncio.Future[list[ScoredRows | Exception]]) -> None:
        self._n_running -= 1
        self._count(-len(jobs), -sum(len(job.rows) for job in jobs))
        failure = done.exception()
        results = [failure] * len(jobs) if isinstance(failure, Exception) else done.result()
        for job, result in zip(jobs, results, strict=True):
            _finish_job(job, result)
        if self._pending:
            self._schedule()


def _finish_job(job: Job, result: ScoredRows | Exception) -> None:
    if job.result.done():  # its client has left
        return
    if isinstance(result, Exception):
        job.result.set_exception(result)
    else:
        job.result.set_result(result)


def kind_of(rows: Rows) -> object:
    """Rows can be joined if this is equal; it can be the key of a mapping."""
    if isinstance(rows, NumberRows):
        return NumberRows
    if isinstance(rows, ImageRows):
        return rows.images.dtype, rows.images.shape[1:]
    return rows.table.schema


def joined(pieces: Sequence[Rows]) -> Rows:
    """Rows of one kind in one record, numbered from 0."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    new: dict[str, Any] = {"numbers": np.arange(sum(map(len, pieces)), dtype=np.int64)}
    if isinstance(first, NumberRows):
        new["values"] = np.concatenate([piece.values for piece in pieces if isinstance(piece, NumberRows)])
        return replace(first, **new)
    new["table"] = pa.concat_tables([piece.table for piece in pieces])
    if isinstance(first, ImageRows):
        images = [piece for piece in pieces if isinstance(piece, ImageRows)]
        new["images"] = np.concatenate([piece.images for piece in images])
        new["paths"] = tuple(path for piece in images for path in piece.paths)
    return replace(first, **new)


def _split(
    scored: ScoredRows, rejected: Sequence[Rejected], sizes: Sequence[int]
) -> list[ScoredRows | Exception]:
    """The result of each request, from the rows that were scored together."""
    if not rejected and len(sizes) == 1:
        return [scored]
    results: list[ScoredRows | Exception] = []
    bounds = np.cumsum([0, *sizes])
    positions = np.searchsorted(scored.rows.numbers, bounds).tolist()
    for size, (begin, end), (first, last) in zip(sizes, pairwise(bounds), pairwise(positions), strict=True):
        refused = [(int(row.number - begin), row.reason) for row in rejected if begin <= row.number < end]
        results.append(RefusedRowsError(size, sorted(refused)) if refused else _part(scored, first, last))
    return results


def _part(scored: ScoredRows, first: int, last: int) -> ScoredRows:
    """The rows from first to last."""
    kept = np.zeros(len(scored), dtype=bool)
    kept[first:last] = True
    return ScoredRows(
        scored.rows.take(kept),
        scored.scores[first:last],
        scored.p_values[first:last],
        scored.severities[first:last],
        scored.is_anomaly[first:last],
        scored.reasons.part(first, last),
        {name: mask[first:last] for name, mask in scored.unseen.items()},
        offsets=None if scored.offsets is None else scored.offsets[first:last],
    )

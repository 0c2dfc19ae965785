"""Activity: rows, anomalies and severities of a model over the last day, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MINUTE, HOUR = 60, 3600
N_MINUTES, N_HOURS = 60, 24

N_STEPS = 200
"""Steps of severity, from 0 to 100, that a threshold can be moved by; the last one also holds 100."""

_MANY = 1024


class Bucket(Struct):
    """What was scored in one minute or hour; ``time`` is its begin, in seconds since 1970."""

    time: int
    rows: int = 0
    anomalies: int = 0
    mean: float = 0.0
    worst: float = 0.0


class Activity:
    """Counts of scored rows by minute for an hour, and by hour for a day. Threads may share it.

    Parameters
    ----------
    clock : callable
        The time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._minutes: dict[int, Bucket] = {}
        self._hours: dict[int, Bucket] = {}
        self._steps: dict[int, NDArray[np.int64]] = {}
        self._new: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
        self._n_new, self._minute = 0, 0

    def add(self, severities: NDArray[np.float64], is_anomaly: NDArray[np.bool_]) -> None:
        """Count rows; those of one minute are counted together, later."""
        minute = int(self._clock()) // MINUTE * MINUTE
        with self._lock:
            if self._new and (minute != self._minute or self._n_new >= _MANY):
                self._count_new()
            self._minute = minute
            self._new.append((severities, is_anomaly))
            self._n_new += len(severities)

    def minutes(self) -> list[Bucket]:
        """The minutes of the last hour in which rows were scored, oldest first."""
        return self._buckets(self._minutes)

    def hours(self) -> list[Bucket]:
        """The hours of the last day in which rows were scored, oldest first."""
        return self._buckets(self._hours)

    def steps(self) -> list[int]:
        """Rows of the last day by severity, in ``N_STEPS`` steps from 0 to 100."""
        with self._lock:
            self._count_new()
            steps = sum(self._steps.values(), np.zeros(N_STEPS, dtype=np.int64))
        return [int(count) for count in steps]

    def _buckets(self, buckets: dict[int, Bucket]) -> list[Bucket]:
        with self._lock:
            self._count_new()
            return list(buckets.values())

    def _count_new(self) -> None:
        """Count the new rows in their buckets, and forget what is too old."""
        if self._n_new:
            severities = np.concatenate([one for one, _ in self._new])
            n_odd = sum(int(np.count_nonzero(odd)) for _, odd in self._new)
            hour = self._minute // HOUR * HOUR
            _add(self._minutes.setdefault(self._minute, Bucket(self._minute)), severities, n_odd)
            _add(self._hours.setdefault(hour, Bucket(hour)), severities, n_odd)
            steps = np.clip(severities * (N_STEPS / 100), 0, N_STEPS - 1).astype(np.int64)
            known = self._steps.get(hour, 0)
            self._steps[hour] = known + np.bincount(steps, minlength=N_STEPS)
        self._new, self._n_new = [], 0
        now = int(self._clock())
        for kept, seconds in (
            (self._minutes, N_MINUTES * MINUTE),
            (self._hours, N_HOURS * HOUR),
            (self._steps, N_HOURS * HOUR),
        ):
            for begin in [begin for begin in kept if begin <= now - seconds]:
                del kept[begin]


def _add(bucket: Bucket, severities: NDArray[np.float64], n_odd: int) -> None:
    total = bucket.mean * bucket.rows + float(severities.sum())
    bucket.rows += len(severities)
    bucket.anomalies += n_odd
    bucket.mean = total / bucket.rows
    bucket.worst = max(bucket.worst, float(severities.max()))


def total(buckets: list[Bucket]) -> Bucket:
    """All buckets as one; its time is that of the first, 0 without any."""
    n_rows = sum(one.rows for one in buckets)
    return Bucket(
        buckets[0].time if buckets else 0,
        n_rows,
        sum(one.anomalies for one in buckets),
        sum(one.mean * one.rows for one in buckets) / max(1, n_rows),
        max((one.worst for one in buckets), default=0.0),
    )

"""Windows: rows of a key counted in one window after another, by number or by time.

A window closes with the row that fills it, or with the first row that is too late for it. Its counts are then
judged and dropped, so that a window needs the same memory for any number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import MAX_ROWS, AlertRow, Key, RowLocation, row_from_json, worse
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.times import duration_text
from anomaly_vae_pipelines.plurals import counted

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Window:
    """A number of rows or of seconds, or (neither) the whole run; judged only if it has ``least`` rows."""

    rows: int | None = None
    seconds: float | None = None
    least: int = 1

    @property
    def fewest(self) -> int:
        """The fewest rows with which a window is judged, if it is full."""
        return self.rows or self.least

    @property
    def meaning(self) -> str:
        """The window in words, with the number of rows that it must have."""
        if self.rows is not None:
            return str(self)
        return f"{self}, if it has at least {counted(self.least, 'row')}"

    def __str__(self) -> str:
        if self.rows is not None:
            return counted(self.rows, "row")
        return "the whole run" if self.seconds is None else duration_text(self.seconds)


@dataclass(frozen=True)
class Counter:
    """What a rule counts in a batch of rows.

    Attributes
    ----------
    count : callable
        Gives an array of counts for positions; counts of parts of a window add up.
    flags : array of bool, shape (n_rows,)
        Rows that an alert shows.
    by_score : bool
        Whether the worst of them is that with the lowest score; if not, there is no worst row.
    """

    count: Callable[[Positions], NDArray[np.int64]]
    flags: NDArray[np.bool_]
    by_score: bool = True


@dataclass
class WindowStats:
    """What was counted in the open window of a key; the only mutable class of this module."""

    index: int
    first: RowLocation
    last: RowLocation
    time: float
    n_rows: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    shown: list[AlertRow] = field(default_factory=list)
    worst: AlertRow | None = None

    def add(self, timed: TimedRows, positions: Positions, counter: Counter) -> None:
        """Count more rows."""
        last = int(positions[-1])
        self.last = RowLocation(timed.scored.rows.source, int(timed.scored.rows.numbers[last]))
        self.time = float(timed.times[last])
        self.n_rows += len(positions)
        self.counts = self.counts + counter.count(positions)
        flagged = positions[counter.flags[positions]]
        self.shown += [timed.row(at) for at in flagged[: MAX_ROWS - len(self.shown)].tolist()]
        if counter.by_score and len(flagged):
            lowest = flagged[np.argmin(timed.scored.scores[flagged])]
            self.worst = worse(self.worst, timed.row(int(lowest)))


@dataclass(frozen=True)
class ClosedWindow:
    """A window that is complete; ``at`` is the position of the row that closed it, -1 if no row did."""

    key: Key
    stats: WindowStats
    at: int


class Windows:
    """The open windows of a rule, one for each value of its key."""

    def __init__(self, owner: str, window: Window) -> None:
        self.window = window
        self._open: ByKey[WindowStats] = ByKey(owner)

    def add(self, timed: TimedRows, key: tuple[str, ...], counter: Counter) -> Iterator[ClosedWindow]:
        """Count rows; yields the windows that they close, if those have enough rows."""
        for value, positions in timed.groups(key):
            for at, index, part in self._parts(timed, value, positions):
                yield from self._close(value, index, at)
                stats = self._open.get(value) or self._begin(timed, value, index, int(part[0]))
                stats.add(timed, part, counter)
                if stats.n_rows == self.window.rows:
                    yield from self._close(value, -1, int(part[-1]))

    def end(self) -> Iterator[ClosedWindow]:
        """Close all windows; yields those that have enough rows."""
        for value, _ in self._open.items():
            yield from self._close(value, -1, -1)

    def to_json(self) -> list[Any]:
        """The open windows as JSON."""
        return self._open.to_json(_stats_to_json)

    def from_json(self, values: list[Any]) -> None:
        """Restore the open windows that ``to_json`` returned."""
        self._open.from_json(values, _stats_from_json)

    def _parts(
        self, timed: TimedRows, value: Key, positions: Positions
    ) -> Iterator[tuple[int, int, Positions]]:
        """Rows by window: the position of the first, the index of the window, and their positions."""
        stats = self._open.get(value)
        if self.window.seconds is not None:
            yield from _by_time(positions, timed.times[positions] // self.window.seconds, stats)
            return
        n_rows = self.window.rows or len(positions)
        first = n_rows - (stats.n_rows if stats is not None and self.window.rows is not None else 0)
        for part in np.split(positions, range(first, len(positions), n_rows)):
            yield int(part[0]), 0, part

    def _begin(self, timed: TimedRows, value: Key, index: int, at: int) -> WindowStats:
        location = timed.location(at)
        stats = WindowStats(index, location, location, float(timed.times[at]))
        self._open.put(value, stats)
        return stats

    def _close(self, value: Key, index: int, at: int) -> Iterator[ClosedWindow]:
        """Close the open window of a key unless its index is this one; yields it if it has enough rows."""
        stats = self._open.get(value)
        if stats is not None and stats.index != index:
            self._open.drop(value)
            if stats.n_rows >= self.window.least:
                yield ClosedWindow(value, stats, at)


def _by_time(
    positions: Positions, indices: NDArray[np.float64], stats: WindowStats | None
) -> Iterator[tuple[int, int, Positions]]:
    """Rows by window; a row that is late by up to one window counts in the open one.

    A row that is later than that closes the window. Otherwise one time in the far future would keep all later
    rows in a window that never ends.
    """
    current = stats.index if stats is not None else None
    for part in np.split(np.arange(len(positions)), np.flatnonzero(np.diff(indices)) + 1):
        index = int(indices[part[0]])
        current = current if current is not None and index == current - 1 else index
        yield int(positions[part[0]]), current, positions[part]


def _stats_to_json(stats: WindowStats) -> dict[str, Any]:
    return asdict(stats) | {"counts": stats.counts.tolist()}


def _stats_from_json(values: dict[str, Any]) -> WindowStats:
    locations = {name: RowLocation(**values[name]) for name in ("first", "last")}
    counts = np.array(values["counts"], dtype=np.int64)
    shown, worst = list(map(row_from_json, values["shown"])), values.get("worst")
    rows = {"shown": shown, "worst": worst and row_from_json(worst)}
    return WindowStats(**{**values, **locations, **rows, "counts": counts})

"""Windows: rows of a key counted in one window after another, by number or by time.

A window closes with the row that fills it, or with the first row that is too late for it. Its counts are then
judged and dropped, so that a window needs the same memory for any number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import MAX_ROWS, AlertRow, Key, RowLocation, row_from_json, worse
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
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


class WindowRule(Rule):
    """Counts rows in windows, one for each value of the key, and judges each when it is complete."""

    def __init__(self, options: RuleOptions, window: Window) -> None:
        super().__init__(options)
        self.window = window
        self._open: ByKey[WindowStats] = ByKey(options.name)

    @property
    def settings(self) -> str:
        return f"{super().settings} {self.window}"

    def find(self, timed: TimedRows) -> Iterator[Match]:
        counter = self._counter(timed)
        for key, positions in timed.groups(self.options.key):
            for at, index, part in self._parts(timed, key, positions):
                yield from self._close(key, index, at)
                stats = self._open.get(key) or self._begin(timed, key, index, int(part[0]))
                stats.add(timed, part, counter)
                if stats.n_rows == self.window.rows:
                    yield from self._close(key, -1, int(part[-1]))

    def tick(self, now: float, idle: float) -> Iterator[Match]:
        if self.window.seconds is not None and idle >= self.window.seconds:
            yield from self.end(now)

    def end(self, now: float) -> Iterator[Match]:
        for key in list(self._open):
            yield from self._close(key, -1, -1)

    def heading(self, worst_match: Match, n_matches: int, n_rows: int, worst_row: str) -> str:
        of = f" (the worst of {n_matches:,} windows)" if n_matches > 1 else ""
        row = f"; worst is {worst_row}" if worst_row else ""
        return f"{worst_match.what}{of}{row}"

    def get_state(self) -> Any:
        return self._open.to_json(lambda stats: asdict(stats) | {"counts": stats.counts.tolist()})

    def set_state(self, state: Any) -> None:
        self._open.from_json(state, _stats_from_json)

    def _counter(self, timed: TimedRows) -> Counter:
        """What to count in these rows."""
        raise NotImplementedError

    def _judge(self, key: Key, stats: WindowStats, at: int) -> Iterator[Match]:
        """Matches in a complete window; ``at`` is the row that closed it, -1 if no row did.

        ``_in_window`` adds what all rules of windows say.
        """
        raise NotImplementedError

    def _parts(
        self, timed: TimedRows, key: Key, positions: Positions
    ) -> Iterator[tuple[int, int, Positions]]:
        """Rows by window: the position of the first, the index of the window, and their positions."""
        stats = self._open.get(key)
        if self.window.seconds is not None:
            yield from _by_time(positions, timed.times[positions] // self.window.seconds, stats)
            return
        n_rows = self.window.rows or len(positions)
        first = n_rows - (stats.n_rows if stats is not None and self.window.rows is not None else 0)
        for part in np.split(positions, range(first, len(positions), n_rows)):
            yield int(part[0]), 0, part

    def _begin(self, timed: TimedRows, key: Key, index: int, at: int) -> WindowStats:
        location = timed.location(at)
        stats = WindowStats(index, location, location, float(timed.times[at]))
        self._open.put(key, stats)
        return stats

    def _close(self, key: Key, index: int, at: int) -> Iterator[Match]:
        """Close the open window of a key unless its index is this one, and judge it if it has enough rows."""
        stats = self._open.get(key)
        if stats is None or stats.index == index:
            return
        self._open.drop(key)
        if stats.n_rows >= self.window.least:
            yield from (self._in_window(match, stats) for match in self._judge(key, stats, at))

    def _in_window(self, match: Match, stats: WindowStats) -> Match:
        """The match with the size of its window, and the rows that an alert shows of it."""
        size = counted(stats.n_rows, "row")
        return replace(
            match,
            what=f"{match.what} in {size if self.window.rows is not None else f'{size} of {self.window}'}",
            first=stats.first,
            last=stats.last,
            rows=tuple(stats.shown),
            measures={**match.measures, "rows": stats.n_rows},
            worst=stats.worst,
        )


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


def _stats_from_json(values: dict[str, Any]) -> WindowStats:
    locations = {name: RowLocation(**values[name]) for name in ("first", "last")}
    counts = np.array(values["counts"], dtype=np.int64)
    shown, worst = list(map(row_from_json, values["shown"])), values.get("worst")
    rows = {"shown": shown, "worst": worst and row_from_json(worst)}
    return WindowStats(**{**values, **locations, **rows, "counts": counts})

"""Windows: rows of a key counted up in one window after another, by number or by time.

A window is closed by the row that fills it or by the first row that is too late for it; what was
counted is then judged and dropped. So a window costs the same memory however many rows it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.records import MOST_ROWS, AlertRow, Key, Place, row_from_json, worse
from anomaly_vae_pipelines.alerting.rules.by_key import ByKey
from anomaly_vae_pipelines.alerting.rules.stretch import Stretch
from anomaly_vae_pipelines.alerting.times import shown
from anomaly_vae_pipelines.plurals import counted

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Window:
    """So many rows, or so many seconds, or (neither) the whole run; judged only with ``least`` rows."""

    rows: int | None = None
    seconds: float | None = None
    least: int = 1

    @property
    def fewest(self) -> int:
        """Rows of a full window; of a window of time, those with which it is judged."""
        return self.rows or self.least

    @property
    def meaning(self) -> str:
        """The window in words, with how many rows it must have."""
        if self.rows is not None:
            return str(self)
        return f"{self}, if it has at least {counted(self.least, 'row')}"

    def __str__(self) -> str:
        if self.rows is not None:
            return counted(self.rows, "row")
        return "the whole run" if self.seconds is None else shown(self.seconds)


@dataclass(frozen=True)
class Counter:
    """What a rule counts in a stretch.

    Attributes
    ----------
    count : callable
        Positions to an array of counts, which add up over the rows of a window.
    flags : array of bool, shape (n_rows,)
        Rows that an alert would show.
    by_score : bool
        Whether the worst of these is the one with the lowest score; otherwise none is.
    """

    count: Callable[[Positions], NDArray[np.int64]]
    flags: NDArray[np.bool_]
    by_score: bool = True


@dataclass
class Tally:
    """What was counted in the open window of a key: the one thing here that changes."""

    index: int
    first: Place
    last: Place
    time: float
    n_rows: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    shown: list[AlertRow] = field(default_factory=list)
    worst: AlertRow | None = None

    def add(self, stretch: Stretch, positions: Positions, counter: Counter) -> None:
        """Count more rows."""
        last = int(positions[-1])
        self.last = Place(stretch.scored.rows.source, int(stretch.scored.rows.numbers[last]))
        self.time = float(stretch.times[last])
        self.n_rows += len(positions)
        self.counts = self.counts + counter.count(positions)
        flagged = positions[counter.flags[positions]]
        self.shown += [stretch.row(at) for at in flagged[: MOST_ROWS - len(self.shown)].tolist()]
        if counter.by_score and len(flagged):
            lowest = flagged[np.argmin(stretch.scored.scores[flagged])]
            self.worst = worse(self.worst, stretch.row(int(lowest)))


@dataclass(frozen=True)
class Closed:
    """A window that is over; ``at`` is the position of the row that closed it, -1 where none did."""

    key: Key
    tally: Tally
    at: int


class Windows:
    """The open windows of a rule, one for each value of its key."""

    def __init__(self, owner: str, window: Window) -> None:
        self.window = window
        self._open: ByKey[Tally] = ByKey(owner)

    def add(self, stretch: Stretch, key: tuple[str, ...], counter: Counter) -> Iterator[Closed]:
        """Count the rows of a stretch; the windows that they close and that have enough rows."""
        for value, positions in stretch.cuts(key):
            for at, index, part in self._parts(stretch, value, positions):
                yield from self._close(value, index, at)
                tally = self._open.get(value) or self._begin(stretch, value, index, int(part[0]))
                tally.add(stretch, part, counter)
                if tally.n_rows == self.window.rows:
                    yield from self._close(value, -1, int(part[-1]))

    def end(self) -> Iterator[Closed]:
        """All windows that have enough rows, closed as they are."""
        for value, _ in self._open.items():
            yield from self._close(value, -1, -1)

    def to_json(self) -> list[Any]:
        """The open windows as JSON."""
        return self._open.to_json(_tally_to_json)

    def from_json(self, values: list[Any]) -> None:
        """Go on with the open windows that ``to_json`` gave."""
        self._open.from_json(values, _tally_from_json)

    def _parts(
        self, stretch: Stretch, value: Key, positions: Positions
    ) -> Iterator[tuple[int, int, Positions]]:
        """Rows of one window each: the position of the first, the index of the window, their positions."""
        tally = self._open.get(value)
        if self.window.seconds is not None:
            yield from _by_time(positions, stretch.times[positions] // self.window.seconds, tally)
            return
        n_rows = self.window.rows or len(positions)
        first = n_rows - (tally.n_rows if tally is not None and self.window.rows is not None else 0)
        for part in np.split(positions, range(first, len(positions), n_rows)):
            yield int(part[0]), 0, part

    def _begin(self, stretch: Stretch, value: Key, index: int, at: int) -> Tally:
        place = stretch.place(at)
        tally = Tally(index, place, place, float(stretch.times[at]))
        self._open.put(value, tally)
        return tally

    def _close(self, value: Key, index: int, at: int) -> Iterator[Closed]:
        """The open window of a key, if it is another one than ``index`` and has enough rows."""
        tally = self._open.get(value)
        if tally is not None and tally.index != index:
            self._open.drop(value)
            if tally.n_rows >= self.window.least:
                yield Closed(value, tally, at)


def _by_time(
    positions: Positions, indices: NDArray[np.float64], tally: Tally | None
) -> Iterator[tuple[int, int, Positions]]:
    """Parts by window; a row that is late by up to one window counts in the open one.

    A row that is later than that closes it, whatever comes next: a single time in the far future
    must not leave all later rows in a window that never ends.
    """
    current = tally.index if tally is not None else None
    for part in np.split(np.arange(len(positions)), np.flatnonzero(np.diff(indices)) + 1):
        index = int(indices[part[0]])
        current = current if current is not None and index == current - 1 else index
        yield int(positions[part[0]]), current, positions[part]


def _tally_to_json(tally: Tally) -> dict[str, Any]:
    return asdict(tally) | {"counts": tally.counts.tolist()}


def _tally_from_json(values: dict[str, Any]) -> Tally:
    places = {name: Place(**values[name]) for name in ("first", "last")}
    counts = np.array(values["counts"], dtype=np.int64)
    shown, worst = list(map(row_from_json, values["shown"])), values.get("worst")
    rows = {"shown": shown, "worst": worst and row_from_json(worst)}
    return Tally(**{**values, **places, **rows, "counts": counts})

"""Rules that judge row by row: a low score, and a run of k of n. A rule sees rows and yields findings.

Every rule looks at each value of its key columns by itself. What it yields depends on the order of the
rows alone, never on how they were cut into stretches; so that a restart changes nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.stats import binom

from anomaly_vae_pipelines.alerting.records import MOST_ROWS, AlertRow, Key, Place, row_from_json, score_of
from anomaly_vae_pipelines.alerting.rules.by_key import ByKey
from anomaly_vae_pipelines.alerting.rules.limits import Line
from anomaly_vae_pipelines.alerting.rules.stretch import Stretch
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import Reason


@dataclass(frozen=True)
class Finding:
    """What a rule found at one moment.

    Attributes
    ----------
    key : tuple of str
        Value of the rule's key columns.
    time : float
        Seconds since 1970.
    at : int
        Position in the stretch of the row that completed it; -1 where no row did.
    what : str
        The finding, in a clause; of a single row, nothing.
    p_value : float or None
        How unlikely it is among normal rows.
    n_rows : int
        Rows that it counts.
    n_joining : int or None
        Those of them that an alert doesn't know which it joins; None for all.
    first, last : Place or None
        The first and last row it is about; None where it is known by the row at ``at``.
    rows : tuple of AlertRow or None
        The first ``MOST_ROWS`` of the rows it counts; None where that is the row at ``at``.
    measures : mapping of str to float
        What was measured.
    columns : tuple of Reason
        The columns it is about; those of the worst row where it is empty.
    rank : float
        The lower, the worse, among findings of one rule.
    worst : AlertRow or None
        The row with the lowest score of those it counts; None where that is the row at ``at``, or it is not
        about scores.
    """

    key: Key
    time: float
    at: int
    what: str
    p_value: float | None
    n_rows: int = 1
    n_joining: int | None = None
    first: Place | None = None
    last: Place | None = None
    rows: tuple[AlertRow, ...] | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[Reason, ...] = ()
    rank: float = 0.0
    worst: AlertRow | None = None


@dataclass(frozen=True)
class Name:
    """What every rule has: a name, a severity, key columns, a cool-down in seconds."""

    name: str
    severity: str = "warning"
    key: tuple[str, ...] = ()
    cooldown: float = 3600.0


class Rule:
    """A rule that finds nothing and remembers nothing: the base of all others."""

    kind = ""

    def __init__(self, name: Name) -> None:
        self.name = name

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that the rule reads."""
        return self.name.key

    @property
    def settings(self) -> str:
        """What the memory depends on: a rule with other settings can't go on with it."""
        return f"{self.kind} {self.name.key}"

    @property
    def meaning(self) -> str:
        """What it fires on, in words; with the numbers of the model."""
        return ""

    @property
    def false_alarms(self) -> str:
        """How often normal rows make it fire; empty where that is not known."""
        return ""

    def find(self, stretch: Stretch) -> Iterable[Finding]:
        """Findings in the next rows, in any order."""
        return ()

    def tick(self, now: float, idle: float) -> Iterable[Finding]:
        """Findings at a time at which no row has come for ``idle`` seconds."""
        return ()

    def end(self, now: float) -> Iterable[Finding]:
        """Findings at the end of the source."""
        return ()

    def heading(self, worst_finding: Finding, n_findings: int, n_rows: int, worst_row: str) -> str:
        """The sentence at the head of an alert of several findings and rows; ``worst_row`` may be empty."""
        return f"{worst_finding.what}; worst is {worst_row}" if worst_row else worst_finding.what

    def get_state(self) -> Any:
        """What the rule remembers, as JSON."""
        return None

    def set_state(self, state: Any) -> None:
        """Go on with what ``get_state`` gave."""


class ScoreRule(Rule):
    """Finds every row that counts for its line."""

    kind = "score"

    def __init__(self, name: Name, line: Line) -> None:
        super().__init__(name)
        self.line = line

    @property
    def meaning(self) -> str:
        """A row that counts."""
        return f"each row with {self.line.meaning}"

    @property
    def false_alarms(self) -> str:
        """The rate of its line."""
        return "" if self.line.rate is None else f"{100 * self.line.rate:.3g} % of rows"

    def find(self, stretch: Stretch) -> Iterator[Finding]:
        """A finding for each row that counts."""
        flags = self.line.flags(stretch.scored)
        for key, positions in stretch.cuts(self.name.key):
            for at in positions[flags[positions]].tolist():
                yield self._finding(stretch, key, at)

    def heading(self, worst_finding: Finding, n_findings: int, n_rows: int, worst_row: str) -> str:
        """How many rows, and the worst of them."""
        rows = counted(n_rows, "row") + self.line.condition
        return f"{rows}: {worst_row}" if n_rows == 1 else f"{rows}; worst is {worst_row}"

    def _finding(self, stretch: Stretch, key: Key, at: int) -> Finding:
        score, p_value = float(stretch.scored.scores[at]), self.line.p_value_of(stretch.scored, at)
        moment = float(stretch.times[at])
        return Finding(key, moment, at, "", p_value, measures=_score(score), rank=score)


def _score(score: float) -> Mapping[str, float]:
    """The measure of a row; nothing where JSON has no word for it."""
    return {"score": score} if math.isfinite(score) else {}


@dataclass(frozen=True)
class _Tail:
    """How many rows of a key were seen, and which of the last n count, by their number in that order."""

    n_seen: int = 0
    rows: tuple[tuple[int, AlertRow], ...] = ()


class RunRule(Rule):
    """Finds each row that counts for its line together with k - 1 of the n - 1 rows of its key before it."""

    kind = "run"

    def __init__(self, name: Name, line: Line, k: int, n: int) -> None:
        super().__init__(name)
        self.line, self.k, self.n = line, k, n
        self._tails: ByKey[_Tail] = ByKey(name.name)

    @property
    def settings(self) -> str:
        """Kind, key, line and the length of the run."""
        return f"{super().settings} {self.line} {self.n}"

    @property
    def meaning(self) -> str:
        """Rows that count, of how many."""
        return f"{self.k} of {counted(self.n, 'consecutive row')} with {self.line.meaning}"

    @property
    def false_alarms(self) -> str:
        """The probability of this many."""
        rate = self.line.rate
        chance = None if rate is None else float(binom.sf(self.k - 1, self.n, rate))
        return "" if chance is None else f"{100 * chance:.3g} % of stretches of {counted(self.n, 'row')}"

    def find(self, stretch: Stretch) -> Iterator[Finding]:
        """A finding for each row that completes a run, or carries it on."""
        flags = self.line.flags(stretch.scored)
        for key, positions in stretch.cuts(self.name.key):
            tail = self._tails.get(key) or _Tail()
            recent = deque(tail.rows)
            for i in np.flatnonzero(flags[positions]).tolist():
                at = int(positions[i])
                recent.append((tail.n_seen + i, stretch.row(at)))
                self._forget(recent, tail.n_seen + i)
                if len(recent) >= self.k:
                    yield self._finding(stretch, key, at, [row for _, row in recent])
            self._forget(recent, tail.n_seen + len(positions))
            self._tails.put(key, _Tail(tail.n_seen + len(positions), tuple(recent)))

    def heading(self, worst_finding: Finding, n_findings: int, n_rows: int, worst_row: str) -> str:
        """The longest run, how many rows there are in all, and the worst of them."""
        in_all = f", {counted(n_rows, 'row')} in all" if n_rows > worst_finding.n_rows else ""
        return f"{worst_finding.what}{in_all}; worst is {worst_row}"

    def get_state(self) -> Any:
        """The tail of each key."""
        return self._tails.to_json(asdict)

    def set_state(self, state: Any) -> None:
        """Go on with the tails."""
        self._tails.from_json(state, _tail)

    def _forget(self, recent: deque[tuple[int, AlertRow]], number: int) -> None:
        """Drop what is not among the n rows that end with this one."""
        while recent and recent[0][0] <= number - self.n:
            recent.popleft()

    def _finding(self, stretch: Stretch, key: Key, at: int, rows: Sequence[AlertRow]) -> Finding:
        n_rows, rate = len(rows), self.line.rate
        return Finding(
            key,
            float(stretch.times[at]),
            at,
            f"{n_rows} of {counted(self.n, 'consecutive row')} count ({self.line})",
            None if rate is None else float(binom.sf(n_rows - 1, self.n, rate)),
            n_rows,
            n_joining=1,
            rows=tuple(rows[:MOST_ROWS]),
            measures={"count": n_rows, "of": self.n},
            rank=-n_rows,
            worst=min(rows, key=score_of),
        )


def _tail(values: Mapping[str, Any]) -> _Tail:
    return _Tail(values["n_seen"], tuple((number, row_from_json(row)) for number, row in values["rows"]))

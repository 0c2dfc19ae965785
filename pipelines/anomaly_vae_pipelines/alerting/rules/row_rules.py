"""Rules that judge row by row: a low score, and a run of k of n consecutive rows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import MAX_ROWS, AlertRow, Key, row_from_json, score_of
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.plurals import counted


class ScoreRule(Rule):
    """Finds every row that its limit counts."""

    kind = "score"
    judges_rows = True

    def __init__(self, options: RuleOptions, limit: Limit) -> None:
        super().__init__(options)
        self.limit = limit

    @property
    def meaning(self) -> str:
        return f"each row with {self.limit.meaning}"

    @property
    def false_alarms(self) -> str:
        return "" if self.limit.rate is None else f"{100 * self.limit.rate:.3g} % of rows"

    @property
    def condition(self) -> str:
        """Which rows, to follow the word "rows"."""
        return self.limit.condition

    def find(self, timed: TimedRows) -> Iterator[Match]:
        flags = self._flags(timed)
        for key, positions in timed.groups(self.options.key):
            for at in positions[flags[positions]].tolist():
                yield self._match(timed, key, at)

    def heading(self, worst_match: Match, n_matches: int, n_rows: int, worst_row: str) -> str:
        rows = counted(n_rows, "row") + self.condition
        return f"{rows}: {worst_row}" if n_rows == 1 else f"{rows}; worst is {worst_row}"

    def _flags(self, timed: TimedRows) -> NDArray[np.bool_]:
        """Whether each row counts, shape (n_rows,)."""
        return self.limit.flags(timed.scored)

    def _match(self, timed: TimedRows, key: Key, at: int) -> Match:
        score, p_value = float(timed.scored.scores[at]), self.limit.p_value_of(timed.scored, at)
        measures = {"score": score} if math.isfinite(score) else {}  # JSON has no infinity
        return Match(key, float(timed.times[at]), at, "", p_value, measures=measures, rank=score)


@dataclass(frozen=True)
class _Recent:
    """How many rows of a key were seen, and those of the last n that count, each with its number."""

    n_seen: int = 0
    rows: tuple[tuple[int, AlertRow], ...] = ()


class RunRule(Rule):
    """Finds each row that counts, if k - 1 of the n - 1 rows of its key before it count too."""

    kind = "run"

    def __init__(self, options: RuleOptions, limit: Limit, k: int, n: int) -> None:
        super().__init__(options)
        self.limit, self.k, self.n = limit, k, n
        self._recent: ByKey[_Recent] = ByKey(options.name)

    @property
    def settings(self) -> str:
        return f"{super().settings} {self.limit} {self.n}"

    @property
    def meaning(self) -> str:
        return f"{self.k} of {counted(self.n, 'consecutive row')} with {self.limit.meaning}"

    @property
    def false_alarms(self) -> str:
        from scipy.stats import binom

        rate = self.limit.rate
        chance = None if rate is None else float(binom.sf(self.k - 1, self.n, rate))
        return "" if chance is None else f"{100 * chance:.3g} % of sequences of {counted(self.n, 'row')}"

    def find(self, timed: TimedRows) -> Iterator[Match]:
        flags = self.limit.flags(timed.scored)
        for key, positions in timed.groups(self.options.key):
            last = self._recent.get(key) or _Recent()
            recent = deque(last.rows)
            for i in np.flatnonzero(flags[positions]).tolist():
                at = int(positions[i])
                recent.append((last.n_seen + i, timed.row(at)))
                self._forget(recent, last.n_seen + i)
                if len(recent) >= self.k:
                    yield self._match(timed, key, at, [row for _, row in recent])
            self._forget(recent, last.n_seen + len(positions))
            self._recent.put(key, _Recent(last.n_seen + len(positions), tuple(recent)))

    def heading(self, worst_match: Match, n_matches: int, n_rows: int, worst_row: str) -> str:
        in_all = f", {counted(n_rows, 'row')} in all" if n_rows > worst_match.n_rows else ""
        return f"{worst_match.what}{in_all}; worst is {worst_row}"

    def get_state(self) -> Any:
        return self._recent.to_json(asdict)

    def set_state(self, state: Any) -> None:
        self._recent.from_json(state, _recent_from_json)

    def _forget(self, recent: deque[tuple[int, AlertRow]], number: int) -> None:
        """Drop what is not among the n rows that end with this one."""
        while recent and recent[0][0] <= number - self.n:
            recent.popleft()

    def _match(self, timed: TimedRows, key: Key, at: int, rows: Sequence[AlertRow]) -> Match:
        from scipy.stats import binom

        n_rows, rate = len(rows), self.limit.rate
        return Match(
            key,
            float(timed.times[at]),
            at,
            f"{n_rows} of {counted(self.n, 'consecutive row')} count ({self.limit})",
            None if rate is None else float(binom.sf(n_rows - 1, self.n, rate)),
            n_rows,
            n_joining=1,
            rows=tuple(rows[:MAX_ROWS]),
            measures={"count": n_rows, "of": self.n},
            rank=-n_rows,
            worst=min(rows, key=score_of),
        )


def _recent_from_json(values: Mapping[str, Any]) -> _Recent:
    return _Recent(values["n_seen"], tuple((number, row_from_json(row)) for number, row in values["rows"]))

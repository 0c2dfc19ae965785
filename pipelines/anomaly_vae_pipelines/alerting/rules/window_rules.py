"""Rules that judge a window of rows: the share of anomalies, drift of the scores, missing cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.rules.windows import (
    ClosedWindow,
    Counter,
    Positions,
    Window,
    Windows,
    WindowStats,
)
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import Reason


class WindowRule(Rule):
    """Counts rows in windows and judges each window when it is complete: the base of the rules below."""

    def __init__(self, options: RuleOptions, window: Window) -> None:
        super().__init__(options)
        self.window = window
        self._windows = Windows(options.name, window)

    @property
    def settings(self) -> str:
        """Kind, key and window."""
        return f"{super().settings} {self.window}"

    def find(self, timed: TimedRows) -> Iterator[Match]:
        """Matches in the windows that these rows close."""
        for closed in self._windows.add(timed, self.options.key, self._counter(timed)):
            yield from self._judge(closed)

    def tick(self, now: float, idle: float) -> Iterator[Match]:
        """Matches in windows of time, if no row has arrived for the length of a window."""
        if self.window.seconds is not None and idle >= self.window.seconds:
            yield from self.end(now)

    def end(self, now: float) -> Iterator[Match]:
        """Matches in the open windows."""
        for closed in self._windows.end():
            yield from self._judge(closed)

    def heading(self, worst_match: Match, n_matches: int, n_rows: int, worst_row: str) -> str:
        """The worst window, the number of windows, and the worst row of all of them."""
        of = f" (the worst of {n_matches:,} windows)" if n_matches > 1 else ""
        row = f"; worst is {worst_row}" if worst_row else ""
        return f"{worst_match.what}{of}{row}"

    def get_state(self) -> Any:
        """The open windows."""
        return self._windows.to_json()

    def set_state(self, state: Any) -> None:
        """Restore the open windows."""
        self._windows.from_json(state)

    def _counter(self, timed: TimedRows) -> Counter:
        raise NotImplementedError

    def _judge(self, closed: ClosedWindow) -> Iterator[Match]:
        raise NotImplementedError

    def _match(
        self,
        closed: ClosedWindow,
        what: str,
        p_value: float | None,
        n_rows: int,
        measures: dict[str, float],
        columns: tuple[Reason, ...] = (),
        *,
        rank: float,
    ) -> Match:
        stats = closed.stats
        return Match(
            closed.key,
            stats.time,
            closed.at,
            f"{what} in {_in(self.window, stats)}",
            p_value,
            n_rows,
            None,
            stats.first,
            stats.last,
            tuple(stats.shown),
            {**measures, "rows": stats.n_rows},
            columns,
            rank,
            stats.worst,
        )


class ShareRule(WindowRule):
    """Finds windows in which the limit counts at least this share of the rows."""

    kind = "share"

    def __init__(self, options: RuleOptions, window: Window, limit: Limit, share: float) -> None:
        super().__init__(options, window)
        self.limit, self.share = limit, share

    @property
    def settings(self) -> str:
        """Kind, key, window and limit."""
        return f"{super().settings} {self.limit}"

    @property
    def meaning(self) -> str:
        """The share of rows that count."""
        return f"at least {_percent(self.share)} of {self.window.meaning} with {self.limit.meaning}"

    @property
    def false_alarms(self) -> str:
        """The probability of this share in the smallest window."""
        rate, n_rows = self.limit.rate, self.window.fewest
        if rate is None:
            return ""
        chance = float(binom.sf(math.ceil(self.share * n_rows - 1e-9) - 1, n_rows, rate))
        return f"{100 * chance:.3g} % of windows of {counted(n_rows, 'row')}"

    def _counter(self, timed: TimedRows) -> Counter:
        flags = self.limit.flags(timed.scored)
        return Counter(lambda positions: np.array([flags[positions].sum()]), flags)

    def _judge(self, closed: ClosedWindow) -> Iterator[Match]:
        count, n_rows, rate = int(closed.stats.counts[0]), closed.stats.n_rows, self.limit.rate
        if count / n_rows >= self.share:
            p_value = None if rate is None else float(binom.sf(count - 1, n_rows, rate))
            share = count / n_rows
            what = f"{_percent(share)} of rows count ({self.limit})"
            yield self._match(closed, what, p_value, count, {"share": share}, rank=-share)


class DriftRule(WindowRule):
    """Finds windows whose scores are far from those of calibration, with a small p-value."""

    kind = "drift"

    def __init__(
        self, options: RuleOptions, window: Window, reference: Reference, effect: float, p_value: float
    ) -> None:
        super().__init__(options, window)
        self.reference, self.effect, self.p_value = reference, effect, p_value

    @property
    def settings(self) -> str:
        """Kind, key, window and calibration."""
        return f"{super().settings} {self.reference}"

    @property
    def meaning(self) -> str:
        """The distance that both the effect and the test need in the smallest window."""
        n_rows = self.window.fewest
        distance = max(self.effect, self.reference.distance(self.p_value, n_rows))
        return (
            f"scores of {self.window.meaning}: a Kolmogorov-Smirnov distance of at least {distance:.3g} (in "
            f"{counted(n_rows, 'row')}) from the {self.reference.n_rows:,} of calibration"
        )

    @property
    def false_alarms(self) -> str:
        """The p-value of the test."""
        return f"at most {100 * self.p_value:.3g} % of windows"

    def _counter(self, timed: TimedRows) -> Counter:
        scores = timed.scored.scores
        return Counter(lambda part: self.reference.count(scores[part]), timed.scored.is_anomaly)

    def _judge(self, closed: ClosedWindow) -> Iterator[Match]:
        drift = self.reference.compare(closed.stats.counts)
        if drift.effect >= self.effect and drift.p_value <= self.p_value:
            side = "lower" if drift.lower else "higher"
            distance = f"a Kolmogorov-Smirnov distance of {drift.effect:.3g}"
            what = f"scores are {side} than in calibration, by {distance},"
            measures, n_rows = {"effect": drift.effect}, closed.stats.n_rows
            yield self._match(closed, what, drift.p_value, n_rows, measures, rank=-drift.effect)


class MissingRule(WindowRule):
    """Finds windows in which at least this share of the cells of a column is empty."""

    kind = "missing"

    def __init__(self, options: RuleOptions, window: Window, missing: Sequence[str], share: float) -> None:
        super().__init__(options, window)
        self.missing, self.share = tuple(missing), share

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the key, and those whose cells are counted."""
        return (*super().columns, *self.missing)

    @property
    def settings(self) -> str:
        """Kind, key, window and columns."""
        return f"{super().settings} {self.missing}"

    @property
    def meaning(self) -> str:
        """The share of empty cells."""
        names = " or ".join(map(repr, self.missing))
        return f"{names} empty in at least {_percent(self.share)} of {self.window.meaning}"

    def _counter(self, timed: TimedRows) -> Counter:
        empty = np.array([_empty(timed.scored.rows.cells(name)) for name in self.missing])
        return Counter(lambda part: _sums(empty, part), np.asarray(empty.any(axis=0)), by_score=False)

    def _judge(self, closed: ClosedWindow) -> Iterator[Match]:
        n_rows = closed.stats.n_rows
        shares = closed.stats.counts / n_rows
        bad = [i for i in np.argsort(-shares, kind="stable").tolist() if shares[i] >= self.share]
        if bad:
            what = ", ".join(f"{self.missing[i]!r} is missing in {_percent(shares[i])}" for i in bad)
            columns = tuple(self._reason(i, float(shares[i])) for i in bad)
            measures = {f"missing {self.missing[i]}": float(shares[i]) for i in bad}
            count = int(closed.stats.counts.max())
            rank = -float(shares.max())
            yield self._match(closed, f"{what} of rows", None, count, measures, columns, rank=rank)

    def _reason(self, i: int, share: float) -> Reason:
        expected = f"missing in under {_percent(self.share)} of rows"
        return Reason(self.missing[i], 0.0, f"missing in {_percent(share)} of rows", expected)


def _empty(cells: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter((not cell or cell.isspace() for cell in cells), dtype=bool, count=len(cells))


def _sums(flags: NDArray[np.bool_], part: Positions) -> NDArray[np.int64]:
    return np.asarray(flags[:, part].sum(axis=1), dtype=np.int64)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _in(window: Window, stats: WindowStats) -> str:
    """The number of rows, and the window if that is not the same."""
    rows = counted(stats.n_rows, "row")
    return rows if window.rows is not None else f"{rows} of {window}"

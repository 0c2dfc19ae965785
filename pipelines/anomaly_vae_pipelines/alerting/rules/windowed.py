"""Rules that judge a window of rows: the share of anomalies, drifting scores, missing cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from anomaly_vae_pipelines.alerting.rules.base import Finding, Name, Rule
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.limits import Line
from anomaly_vae_pipelines.alerting.rules.stretch import Stretch
from anomaly_vae_pipelines.alerting.rules.windows import Closed, Counter, Positions, Tally, Window, Windows
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import Reason


class WindowRule(Rule):
    """Counts rows in windows and judges each when it is over: the base of the rules below."""

    def __init__(self, name: Name, window: Window) -> None:
        super().__init__(name)
        self.window = window
        self._windows = Windows(name.name, window)

    @property
    def settings(self) -> str:
        """Kind, key and window."""
        return f"{super().settings} {self.window}"

    def find(self, stretch: Stretch) -> Iterator[Finding]:
        """Findings in the windows that these rows close."""
        for closed in self._windows.add(stretch, self.name.key, self._counter(stretch)):
            yield from self._judge(closed)

    def tick(self, now: float, idle: float) -> Iterator[Finding]:
        """Findings in windows of time that no row has closed for as long as they are."""
        if self.window.seconds is not None and idle >= self.window.seconds:
            yield from self.end(now)

    def end(self, now: float) -> Iterator[Finding]:
        """Findings in the windows that are open."""
        for closed in self._windows.end():
            yield from self._judge(closed)

    def heading(self, worst_finding: Finding, n_findings: int, n_rows: int, worst_row: str) -> str:
        """The worst window, of how many, and the worst row of all of them."""
        of = f" (the worst of {n_findings:,} windows)" if n_findings > 1 else ""
        row = f"; worst is {worst_row}" if worst_row else ""
        return f"{worst_finding.what}{of}{row}"

    def get_state(self) -> Any:
        """The open windows."""
        return self._windows.to_json()

    def set_state(self, state: Any) -> None:
        """Go on with the open windows."""
        self._windows.from_json(state)

    def _counter(self, stretch: Stretch) -> Counter:
        raise NotImplementedError

    def _judge(self, closed: Closed) -> Iterator[Finding]:
        raise NotImplementedError

    def _finding(
        self,
        closed: Closed,
        what: str,
        p_value: float | None,
        n_rows: int,
        measures: dict[str, float],
        columns: tuple[Reason, ...] = (),
        *,
        rank: float,
    ) -> Finding:
        tally = closed.tally
        return Finding(
            closed.key,
            tally.time,
            closed.at,
            f"{what} in {_in(self.window, tally)}",
            p_value,
            n_rows,
            None,
            tally.first,
            tally.last,
            tuple(tally.shown),
            {**measures, "rows": tally.n_rows},
            columns,
            rank,
            tally.worst,
        )


class ShareRule(WindowRule):
    """Finds windows in which at least this share of rows counts for the line."""

    kind = "share"

    def __init__(self, name: Name, window: Window, line: Line, share: float) -> None:
        super().__init__(name, window)
        self.line, self.share = line, share

    @property
    def settings(self) -> str:
        """Kind, key, window and line."""
        return f"{super().settings} {self.line}"

    @property
    def meaning(self) -> str:
        """The share of rows that count."""
        return f"at least {_percent(self.share)} of {self.window.meaning} with {self.line.meaning}"

    @property
    def false_alarms(self) -> str:
        """The probability of such a share in the smallest window."""
        rate, n_rows = self.line.rate, self.window.fewest
        if rate is None:
            return ""
        chance = float(binom.sf(math.ceil(self.share * n_rows - 1e-9) - 1, n_rows, rate))
        return f"{100 * chance:.3g} % of windows of {counted(n_rows, 'row')}"

    def _counter(self, stretch: Stretch) -> Counter:
        flags = self.line.flags(stretch.scored)
        return Counter(lambda positions: np.array([flags[positions].sum()]), flags)

    def _judge(self, closed: Closed) -> Iterator[Finding]:
        count, n_rows, rate = int(closed.tally.counts[0]), closed.tally.n_rows, self.line.rate
        if count / n_rows >= self.share:
            p_value = None if rate is None else float(binom.sf(count - 1, n_rows, rate))
            share = count / n_rows
            what = f"{_percent(share)} of rows count ({self.line})"
            yield self._finding(closed, what, p_value, count, {"share": share}, rank=-share)


class DriftRule(WindowRule):
    """Finds windows whose scores lie far from those of calibration, and surely so."""

    kind = "drift"

    def __init__(
        self, name: Name, window: Window, reference: Reference, effect: float, p_value: float
    ) -> None:
        super().__init__(name, window)
        self.reference, self.effect, self.p_value = reference, effect, p_value

    @property
    def settings(self) -> str:
        """Kind, key, window and calibration."""
        return f"{super().settings} {self.reference}"

    @property
    def meaning(self) -> str:
        """The distance that both the effect and the test ask for, in the smallest window."""
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

    def _counter(self, stretch: Stretch) -> Counter:
        scores = stretch.scored.scores
        return Counter(lambda part: self.reference.count(scores[part]), stretch.scored.is_anomaly)

    def _judge(self, closed: Closed) -> Iterator[Finding]:
        drift = self.reference.compare(closed.tally.counts)
        if drift.effect >= self.effect and drift.p_value <= self.p_value:
            side = "lower" if drift.lower else "higher"
            distance = f"a Kolmogorov-Smirnov distance of {drift.effect:.3g}"
            what = f"scores are {side} than in calibration, by {distance},"
            measures, n_rows = {"effect": drift.effect}, closed.tally.n_rows
            yield self._finding(closed, what, drift.p_value, n_rows, measures, rank=-drift.effect)


class MissingRule(WindowRule):
    """Finds windows in which at least this share of cells of a column is empty."""

    kind = "missing"

    def __init__(self, name: Name, window: Window, missing: Sequence[str], share: float) -> None:
        super().__init__(name, window)
        self.missing, self.share = tuple(missing), share

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the key, and those that are looked at."""
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

    def _counter(self, stretch: Stretch) -> Counter:
        empty = np.array([_empty(stretch.scored.rows.cells(name)) for name in self.missing])
        return Counter(lambda part: _sums(empty, part), np.asarray(empty.any(axis=0)), by_score=False)

    def _judge(self, closed: Closed) -> Iterator[Finding]:
        n_rows = closed.tally.n_rows
        shares = closed.tally.counts / n_rows
        bad = [i for i in np.argsort(-shares, kind="stable").tolist() if shares[i] >= self.share]
        if bad:
            what = ", ".join(f"{self.missing[i]!r} is missing in {_percent(shares[i])}" for i in bad)
            columns = tuple(self._reason(i, float(shares[i])) for i in bad)
            measures = {f"missing {self.missing[i]}": float(shares[i]) for i in bad}
            count = int(closed.tally.counts.max())
            rank = -float(shares.max())
            yield self._finding(closed, f"{what} of rows", None, count, measures, columns, rank=rank)

    def _reason(self, i: int, share: float) -> Reason:
        expected = f"missing in under {_percent(self.share)} of rows"
        return Reason(self.missing[i], 0.0, f"missing in {_percent(share)} of rows", expected)


def _empty(cells: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter((not cell or cell.isspace() for cell in cells), dtype=bool, count=len(cells))


def _sums(flags: NDArray[np.bool_], part: Positions) -> NDArray[np.int64]:
    return np.asarray(flags[:, part].sum(axis=1), dtype=np.int64)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _in(window: Window, tally: Tally) -> str:
    """The window and how many rows it had, once."""
    rows = counted(tally.n_rows, "row")
    return rows if window.rows is not None else f"{rows} of {window}"

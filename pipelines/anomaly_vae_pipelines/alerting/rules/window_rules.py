"""Rules that judge a window of rows: the share of anomalies, drift of the scores, missing cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.records import Key
from anomaly_vae_pipelines.alerting.rules.base import Match, RuleOptions
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.rules.windows import Counter, Window, WindowRule, WindowStats
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reasons import Reason


class ShareRule(WindowRule):
    """Finds windows in which the limit counts at least this share of the rows."""

    kind = "share"

    def __init__(self, options: RuleOptions, window: Window, limit: Limit, share: float) -> None:
        super().__init__(options, window)
        self.limit, self.share = limit, share

    @property
    def settings(self) -> str:
        return f"{super().settings} {self.limit}"

    @property
    def meaning(self) -> str:
        return f"at least {_percent(self.share)} of {self.window.meaning} with {self.limit.meaning}"

    @property
    def false_alarms(self) -> str:
        rate, n_rows = self.limit.rate, self.window.fewest
        if rate is None:
            return ""
        from scipy.stats import binom

        chance = float(binom.sf(math.ceil(self.share * n_rows - 1e-9) - 1, n_rows, rate))
        return f"{100 * chance:.3g} % of windows of {counted(n_rows, 'row')}"

    def _counter(self, timed: TimedRows) -> Counter:
        flags = self.limit.flags(timed.scored)
        return Counter(lambda positions: np.array([flags[positions].sum()]), flags)

    def _judge(self, key: Key, stats: WindowStats, at: int) -> Iterator[Match]:
        count, n_rows, rate = int(stats.counts[0]), stats.n_rows, self.limit.rate
        if count / n_rows >= self.share:
            from scipy.stats import binom

            p_value = None if rate is None else float(binom.sf(count - 1, n_rows, rate))
            share = count / n_rows
            what = f"{_percent(share)} of rows count ({self.limit})"
            measures = {"share": share}
            yield Match(key, stats.time, at, what, p_value, count, measures=measures, rank=-share)


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
        return f"{super().settings} {self.reference}"

    @property
    def meaning(self) -> str:
        n_rows = self.window.fewest
        distance = max(self.effect, self.reference.distance(self.p_value, n_rows))
        return (
            f"scores of {self.window.meaning}: a Kolmogorov-Smirnov distance of at least {distance:.3g} (in "
            f"{counted(n_rows, 'row')}) from the {self.reference.n_rows:,} of calibration"
        )

    @property
    def false_alarms(self) -> str:
        return f"at most {100 * self.p_value:.3g} % of windows"

    def _counter(self, timed: TimedRows) -> Counter:
        scores = timed.scored.scores
        return Counter(lambda part: self.reference.count(scores[part]), timed.scored.is_anomaly)

    def _judge(self, key: Key, stats: WindowStats, at: int) -> Iterator[Match]:
        drift = self.reference.compare(stats.counts)
        if drift.effect >= self.effect and drift.p_value <= self.p_value:
            side = "lower" if drift.lower else "higher"
            distance = f"a Kolmogorov-Smirnov distance of {drift.effect:.3g}"
            what = f"scores are {side} than in calibration, by {distance},"
            measures, n_rows, rank = {"effect": drift.effect}, stats.n_rows, -drift.effect
            yield Match(key, stats.time, at, what, drift.p_value, n_rows, measures=measures, rank=rank)


class MissingRule(WindowRule):
    """Finds windows in which at least this share of the cells of a column is empty."""

    kind = "missing"

    def __init__(self, options: RuleOptions, window: Window, missing: Sequence[str], share: float) -> None:
        super().__init__(options, window)
        self.missing, self.share = tuple(missing), share

    @property
    def columns(self) -> tuple[str, ...]:
        return (*super().columns, *self.missing)

    @property
    def settings(self) -> str:
        return f"{super().settings} {self.missing}"

    @property
    def meaning(self) -> str:
        names = " or ".join(map(repr, self.missing))
        return f"{names} empty in at least {_percent(self.share)} of {self.window.meaning}"

    def _counter(self, timed: TimedRows) -> Counter:
        empty = np.array([_empty(timed.scored.rows.cells(name)) for name in self.missing])
        return Counter(lambda part: empty[:, part].sum(axis=1), np.asarray(empty.any(axis=0)), by_score=False)

    def _judge(self, key: Key, stats: WindowStats, at: int) -> Iterator[Match]:
        shares = stats.counts / stats.n_rows
        bad = [i for i in np.argsort(-shares, kind="stable").tolist() if shares[i] >= self.share]
        if bad:
            what = ", ".join(f"{self.missing[i]!r} is missing in {_percent(shares[i])}" for i in bad)
            columns = tuple(self._reason(i, float(shares[i])) for i in bad)
            measures = {f"missing {self.missing[i]}": float(shares[i]) for i in bad}
            yield Match(
                key,
                stats.time,
                at,
                f"{what} of rows",
                None,
                int(stats.counts.max()),
                measures=measures,
                columns=columns,
                rank=-float(shares.max()),
            )

    def _reason(self, i: int, share: float) -> Reason:
        expected = f"missing in under {_percent(self.share)} of rows"
        return Reason(self.missing[i], 0.0, f"missing in {_percent(share)} of rows", expected)


def _empty(cells: Sequence[str]) -> NDArray[np.bool_]:
    return np.fromiter((not cell or cell.isspace() for cell in cells), dtype=bool, count=len(cells))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"

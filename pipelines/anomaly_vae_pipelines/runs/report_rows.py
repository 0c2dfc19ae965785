"""ReportRows: what a report shows about scored rows, collected in one pass and in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.binomial import binomial_quantiles
from anomaly_vae.errors import CellError
from anomaly_vae.thresholds import can_guarantee, false_alarm_interval, false_alarm_offset
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.reasons import Reason
from anomaly_vae_pipelines.records import Label, Rows, ScoredRows
from anomaly_vae_pipelines.reports.timeline import Timeline
from anomaly_vae_pipelines.runs.stats import RunStats
from anomaly_vae_pipelines.scoring.budget import RowRate
from anomaly_vae_pipelines.scoring.evaluation import ANOMALOUS, NORMAL, check_both_kinds, kinds_of
from anomaly_vae_pipelines.sources.sampling import take_rows

N_WORST = 20
"""Flagged rows that are shown, those with the lowest scores."""

N_GROUPS = 10
"""Groups that are shown, the largest ones."""

MOST_GROUPS = 2_000
"""Groups that are counted; flagged rows of any more are counted together."""

RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
"""False-alarm rates of the other thresholds, if the calibration rows can guarantee them."""

HALF = 0.5
"""The columns of a group explain at least this share of the shortfall of its rows, if its reasons do."""


class ReportRows:
    """Collects the content of a report from scored rows, in the order of the files.

    Parameters
    ----------
    offset : float
        The threshold in nats.
    calibration : array of shape (n_calibration,)
        Sorted scores of the calibration rows, from which the other thresholds follow.
    explain : callable
        Returns what is shown of one row if it is among the worst, as JSON values.
    label : Label, optional
        Which rows are normal.
    time : str, optional
        Column of times: in ISO 8601 or in seconds.
    """

    def __init__(
        self,
        offset: float,
        calibration: NDArray[np.float64],
        explain: Callable[[Rows], dict[str, Any]],
        label: Label | None = None,
        time: str | None = None,
    ) -> None:
        self._explain = explain
        self._label, self._time, self._times = label, time, RowRate(time or "")
        self.stats, self._rows, self._moments = RunStats(), Timeline(), Timeline()
        self._worst: list[dict[str, Any]] = []
        self._groups: Counter[tuple[str, ...]] = Counter()
        self._ungrouped, self._untimed = 0, 0
        n = len(calibration)
        rates = [rate for rate in RATES if can_guarantee(rate, n)]
        self._thresholds: list[dict[str, Any]] = [
            {
                "false_alarm_rate": rate,
                "false_alarm_interval": list(false_alarm_interval(n, rate)),
                "offset": false_alarm_offset(calibration, rate),
            }
            for rate in rates
        ]
        self._offsets = np.array([offset, *(one["offset"] for one in self._thresholds)])
        self._alerts = np.zeros((3, len(self._offsets)), dtype=np.int64)
        self._kinds: Counter[int] = Counter()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it needs besides those of the model."""
        named = (None if self._label is None else self._label.column, self._time)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def observe(self, scored: ScoredRows) -> None:
        """Add the next rows; raises SourceError for an invalid time."""
        first, n_rows = self.stats.n_scored, len(scored)
        self._rows.add(np.arange(first, first + n_rows), scored.severities, scored.is_anomaly)
        self._add_times(scored)
        kinds = np.zeros(n_rows, dtype=np.int8) if self._label is None else kinds_of(scored.rows, self._label)
        for place, kind in enumerate((0, NORMAL, ANOMALOUS)):
            scores = np.sort(scored.scores[kinds == kind])
            self._alerts[place] += np.searchsorted(scores, self._offsets, side="left")
            self._kinds[kind] += len(scores)
        self._add_flagged(scored, first)
        self.stats.add(scored, ())

    def check(self) -> None:
        """Raise InputError for a label without both kinds of rows, and warn of values never seen."""
        if self._label is not None:
            n_known = self._kinds[NORMAL] + self._kinds[ANOMALOUS]
            check_both_kinds(self._kinds[NORMAL], n_known, self._label)
        self.stats.warn_of_unseen()

    def content(self) -> dict[str, Any]:
        """Everything that was collected, as JSON values."""
        summary = self.stats
        quantiles = {f"p{100 * share:02.0f}": summary.scores.quantile(share) for share in (0.01, 0.5, 0.99)}
        return {
            "n_rows": summary.n_scored,
            "n_alerts": summary.n_anomalies,
            "alert_rate": summary.n_anomalies / summary.n_scored if summary.n_scored else None,
            "score_quantiles": quantiles if summary.n_scored else None,
            "unseen": dict(summary.unseen),
            "by_row": {"width": self._rows.width, "bins": self._rows.bins()},
            "by_time": self._by_time(),
            "trend": self._trend(),
            "worst": [self._explained(row) for row in self._worst],
            "groups": self._shown_groups(),
            "thresholds": self._counted_thresholds(),
            "evaluation": self._evaluation(0),
        }

    def _add_times(self, scored: ScoredRows) -> None:
        if self._time is None or not len(scored):
            return
        rows = scored.rows
        try:
            seconds = self._times.seconds(rows.cells(self._time))
        except CellError as error:
            problem = f"column {self._time!r}: wanted {error.wanted}, got {error.value!r}"
            raise SourceError(rows.source, int(rows.numbers[error.row]), problem) from error
        known = ~np.isnan(seconds)
        self._untimed += int((~known).sum())
        self._moments.add(seconds[known], scored.severities[known], scored.is_anomaly[known])

    def _add_flagged(self, scored: ScoredRows, first: int) -> None:
        """Count the groups of flagged rows, and keep the worst rows; of equal scores, the first."""
        flagged = np.flatnonzero(scored.is_anomaly)
        for position in flagged.tolist():
            group = _group(scored.reasons.shares(position))
            if group in self._groups or len(self._groups) < MOST_GROUPS:
                self._groups[group] += 1
            else:
                self._ungrouped += 1
        if len(self._worst) == N_WORST:  # only lower scores can replace any
            flagged = flagged[scored.scores[flagged] < self._worst[-1]["score"]]
        lowest = flagged[np.argsort(scored.scores[flagged], kind="stable")[:N_WORST]]
        found = [self._row(scored, position, first) for position in lowest.tolist()]
        ranked = sorted([*self._worst, *found], key=lambda row: (row["score"], row["position"]))
        self._worst = ranked[:N_WORST]

    def _row(self, scored: ScoredRows, position: int, first: int) -> dict[str, Any]:
        rows = scored.rows
        row = take_rows(replace(rows, raw=None, whole=None), np.array([position]))
        return {
            "position": first + position + 1,
            "source": rows.source_of(position),
            "name": rows.name_of(position),
            "score": float(scored.scores[position]),
            "p_value": float(scored.p_values[position]),
            "severity": float(scored.severities[position]),
            "label": None if self._label is None else row.cells(self._label.column)[0],
            "row": row,
        }

    def _explained(self, found: dict[str, Any]) -> dict[str, Any]:
        """A row that was found, with what is shown of it."""
        shown = dict(found)
        return shown | self._explain(shown.pop("row"))

    def _by_time(self) -> dict[str, Any] | None:
        if self._time is None:
            return None
        bins = self._moments.bins()
        return {"column": self._time, "width": self._moments.width, "bins": bins, "without": self._untimed}

    def _trend(self) -> dict[str, Any] | None:
        """Alerts of the earlier and of the later half, and the range of the latter if rates were equal.

        Given all alerts, those of the later half of exchangeable rows vary no more than a binomial number;
        the range has 90 % of its probability.
        """
        timed = self._moments.bins() if self._time is not None else []
        halves = _halves(timed or self._rows.bins())
        if halves is None:
            return None
        (n_early, early), (n_late, late) = halves
        low, high = binomial_quantiles([0.05, 0.95], early + late, n_late / (n_early + n_late))
        finding = "more alerts" if late > high else "fewer alerts" if late < low else "no clear change"
        return {
            "earlier": {"rows": n_early, "alerts": early},
            "later": {"rows": n_late, "alerts": late},
            "later_alerts_if_equal": [low, high],
            "finding": finding,
        }

    def _shown_groups(self) -> dict[str, Any]:
        ranked = sorted(self._groups.items(), key=lambda group: (-group[1], group[0]))
        shown = [{"columns": list(columns), "rows": count} for columns, count in ranked[:N_GROUPS]]
        others = self._groups.total() + self._ungrouped - sum(count for _, count in ranked[:N_GROUPS])
        return {"largest": shown, "other_rows": others}

    def _counted_thresholds(self) -> list[dict[str, Any]]:
        alerts = self._alerts.sum(axis=0).tolist()
        return [
            {**one, "alerts": alerts[place], "evaluation": self._evaluation(place)}
            for place, one in enumerate(self._thresholds, start=1)
        ]

    def _evaluation(self, place: int) -> dict[str, Any] | None:
        """Hits, misses and false alarms of a threshold, by its place; None without a label."""
        if self._label is None:
            return None
        hits, false_alarms = int(self._alerts[2, place]), int(self._alerts[1, place])
        return {
            "n_normal": self._kinds[NORMAL],
            "n_anomalous": self._kinds[ANOMALOUS],
            "n_unlabelled": self._kinds[0],
            "hits": hits,
            "misses": self._kinds[ANOMALOUS] - hits,
            "false_alarms": false_alarms,
        }


def _group(shares: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """The fewest worst columns that explain half of the shortfall, in the order of their names."""
    names, explained = [], 0.0
    for column, share in shares:
        names.append(column)
        explained += share
        if explained >= HALF:
            break
    return tuple(sorted(names))


def shown_reasons(reasons: Sequence[Reason]) -> dict[str, Any]:
    """The reasons of a row as JSON values, and the nats of the columns that are not among them."""
    return {"reasons": [asdict(reason) for reason in reasons], "other_nats": _other_nats(reasons)}


def _other_nats(reasons: Sequence[Reason]) -> float:
    """The shortfall of the columns that are not among the reasons, in nats, at most 0."""
    if not reasons or not reasons[0].share:
        return 0.0
    return min(reasons[0].nats / reasons[0].share - sum(reason.nats for reason in reasons), 0.0)


def _halves(bins: Sequence[dict[str, Any]]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Rows and alerts of the bins up to half of the rows, and of the others; None without both."""
    rows = np.array([one["rows"] for one in bins], dtype=np.int64)
    alerts = np.array([one["alerts"] for one in bins], dtype=np.int64)
    early = rows.cumsum() <= rows.sum() / 2
    if early.all() or not early.any():
        return None
    counts = [(int(rows[part].sum()), int(alerts[part].sum())) for part in (early, ~early)]
    return counts[0], counts[1]

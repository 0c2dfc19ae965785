"""Findings become alerts: one for each rule and key in a cool-down, however many findings there are.

An alert begins a cool-down. Findings of the same rule and key in it join the alert if they are of
the same stretch, and are counted as suppressed if they come later. Time is that of the rows, so that
the same rows raise the same alerts however they are cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anomaly_vae_pipelines.alerting.records import (
    MOST_REASONS,
    MOST_ROWS,
    Alert,
    AlertRow,
    Key,
    Place,
    alert_id,
    iso_time,
    worse,
)
from anomaly_vae_pipelines.alerting.rules.base import Finding, Rule
from anomaly_vae_pipelines.alerting.rules.by_key import ByKey
from anomaly_vae_pipelines.alerting.rules.stretch import Stretch
from anomaly_vae_pipelines.alerting.wording import row_text


class Draft:
    """An alert that findings still join. The first gives it its id, the worst what it says."""

    def __init__(self, rule: Rule, finding: Finding, stretch: Stretch | None) -> None:
        self.rule, self.finding = rule, finding
        self._worst_finding, self._n_findings = finding, 1
        self._worst_row = _worst_of(finding, stretch)
        self._place = finding.first or _place(stretch, finding.at)
        self._last = finding.last or self._place
        self._n_rows, self._p_value = finding.n_rows, finding.p_value
        self._rows = list(_rows_of(finding, stretch))

    def join(self, finding: Finding, stretch: Stretch | None) -> None:
        """Count another finding."""
        self._n_findings += 1
        self._compare(finding, stretch)
        self._n_rows += finding.n_rows if finding.n_joining is None else finding.n_joining
        if finding.p_value is not None and self._p_value is not None:
            self._p_value = min(self._p_value, finding.p_value)
        if len(self._rows) < MOST_ROWS:
            self._rows += _new(self._rows, _rows_of(finding, stretch))
        if finding.last is not None:
            self._last = finding.last
        elif stretch is not None:
            rows = stretch.scored.rows
            self._last = Place(rows.source, int(rows.numbers[finding.at]))

    def alert(self) -> Alert:
        """The alert with all that has joined it."""
        name, finding, rows = self.rule.name, self.finding, tuple(self._rows[:MOST_ROWS])
        worst, reasons = self._worst_finding, self._worst_row.reasons if self._worst_row else ()
        return Alert(
            id=alert_id(name.name, finding.key, self._place),
            rule=name.name,
            kind=self.rule.kind,
            severity=name.severity,
            what=self._heading(),
            time=iso_time(finding.time),
            key=dict(zip(name.key, finding.key, strict=False)),
            source=self._place.source,
            first=self._place.number if finding.first or not rows else rows[0].number,
            last=self._last.number,
            p_value=self._p_value,
            measures=worst.measures,
            columns=(worst.columns or reasons)[:MOST_REASONS],
            n_rows=self._n_rows,
            rows=rows,
            cooldown=name.cooldown,
            worst=self._worst_row,
        )

    def _compare(self, finding: Finding, stretch: Stretch | None) -> None:
        """Keep the worse finding, and the worse row."""
        is_worse = finding.rank < self._worst_finding.rank
        if is_worse:
            self._worst_finding = finding
        if is_worse or finding.worst is not None:
            self._worst_row = worse(self._worst_row, _worst_of(finding, stretch))

    def _heading(self) -> str:
        worst = "" if self._worst_row is None else row_text(self._worst_row, self._place.source)
        return self.rule.heading(self._worst_finding, self._n_findings, self._n_rows, worst)


class Cooldown:
    """The cool-downs of one rule, by the value of its key."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.n_suppressed = 0
        self._opened: ByKey[float] = ByKey(rule.name.name)

    def alerts(self, findings: Iterable[Finding], stretch: Stretch | None) -> Sequence[tuple[int, Alert]]:
        """New alerts, each with the position of the row that raised it."""
        drafts: list[Draft] = []
        open_drafts: dict[Key, Draft] = {}
        for finding in sorted(findings, key=lambda finding: finding.at):
            if not self._cools(finding):
                open_drafts[finding.key] = Draft(self.rule, finding, stretch)
                drafts.append(open_drafts[finding.key])
                self._opened.put(finding.key, finding.time)
            elif finding.key in open_drafts:
                open_drafts[finding.key].join(finding, stretch)
            else:
                self.n_suppressed += 1
        return [(draft.finding.at, draft.alert()) for draft in drafts]

    def get_state(self) -> Any:
        """When the last alert of each key was, as JSON."""
        return self._opened.to_json(float)

    def set_state(self, state: Any) -> None:
        """Go on with these cool-downs."""
        self._opened.from_json(state, float)

    def _cools(self, finding: Finding) -> bool:
        """Whether an alert lies less than a cool-down away, before or after.

        After, because rows may be late; but no further, because one row of the far future must not
        keep a rule silent for ever.
        """
        opened = self._opened.get(finding.key)
        return opened is not None and abs(finding.time - opened) < self.rule.name.cooldown


def _place(stretch: Stretch | None, at: int) -> Place:
    return Place("", 0) if stretch is None else stretch.place(at)


def _rows_of(finding: Finding, stretch: Stretch | None) -> Sequence[AlertRow]:
    if finding.rows is not None:
        return finding.rows
    return [] if stretch is None else [stretch.row(finding.at)]


def _worst_of(finding: Finding, stretch: Stretch | None) -> AlertRow | None:
    """The worst row of a finding; of one that is about the row at ``at``, that row."""
    if finding.rows is not None:
        return finding.worst
    return None if stretch is None else stretch.row(finding.at)


def _new(known: Sequence[AlertRow], rows: Sequence[AlertRow]) -> list[AlertRow]:
    """The rows that are not there yet: runs that overlap share rows."""
    seen = {(row.source, row.number) for row in known}
    return [row for row in rows if (row.source, row.number) not in seen]

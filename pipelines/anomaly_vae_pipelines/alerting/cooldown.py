"""Matches become alerts: one for each rule and key in a cool-down, for any number of matches.

An alert starts a cool-down. Matches of the same rule and key during it join the alert if they are in the same
batch of rows, and count as suppressed if they are in a later one. Times are those of the rows, so that the
same rows raise the same alerts, however they are divided into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import (
    MAX_REASONS,
    MAX_ROWS,
    Alert,
    AlertRow,
    Key,
    RowLocation,
    alert_id,
    iso_time,
    worse,
)
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.wording import row_text


class Draft:
    """An alert that matches can still join. Its id comes from the first match, its text from the worst."""

    def __init__(self, rule: Rule, match: Match, timed: TimedRows | None) -> None:
        self.rule, self.match = rule, match
        self._worst_match, self._n_matches = match, 1
        self._worst_row = _worst_of(match, timed)
        self._location = match.first or _location(timed, match.at)
        self._last = (match.last or self._location).number
        self._n_rows, self._p_value = match.n_rows, match.p_value
        self._rows = list(_rows_of(match, timed))

    def join(self, match: Match, timed: TimedRows | None) -> None:
        """Count another match."""
        self._n_matches += 1
        is_worse = match.rank < self._worst_match.rank
        if is_worse:
            self._worst_match = match
        if is_worse or match.worst is not None:
            self._worst_row = worse(self._worst_row, _worst_of(match, timed))
        self._n_rows += match.n_rows if match.n_joining is None else match.n_joining
        if match.p_value is not None and self._p_value is not None:
            self._p_value = min(self._p_value, match.p_value)
        if len(self._rows) < MAX_ROWS:
            self._rows += _new(self._rows, _rows_of(match, timed))
        if match.last is not None:
            self._last = match.last.number
        elif timed is not None:
            self._last = int(timed.scored.rows.numbers[match.at])

    def alert(self) -> Alert:
        """The alert with all that has joined it."""
        options, match, rows = self.rule.options, self.match, tuple(self._rows[:MAX_ROWS])
        worst, reasons = self._worst_match, self._worst_row.reasons if self._worst_row else ()
        return Alert(
            id=alert_id(options.name, match.key, self._location),
            rule=options.name,
            kind=self.rule.kind,
            severity=options.severity,
            what=self._heading(),
            time=iso_time(match.time),
            key=dict(zip(options.key, match.key, strict=False)),
            source=self._location.source,
            first=self._location.number if match.first or not rows else rows[0].number,
            last=self._last,
            p_value=self._p_value,
            measures=worst.measures,
            columns=(worst.columns or reasons)[:MAX_REASONS],
            n_rows=self._n_rows,
            rows=rows,
            cooldown=options.cooldown,
            worst=self._worst_row,
        )

    def _heading(self) -> str:
        worst = "" if self._worst_row is None else row_text(self._worst_row, self._location.source)
        return self.rule.heading(self._worst_match, self._n_matches, self._n_rows, worst)


class Cooldown:
    """The cool-downs of one rule, by the value of its key."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.n_suppressed = 0
        self._starts: ByKey[float] = ByKey(rule.name)

    def alerts(self, matches: Iterable[Match], timed: TimedRows | None) -> Sequence[tuple[int, Alert]]:
        """New alerts, each with the position of the row that raised it."""
        drafts: list[Draft] = []
        open_drafts: dict[Key, Draft] = {}
        for match in sorted(matches, key=lambda match: match.at):
            if not self._is_in_cooldown(match):
                open_drafts[match.key] = Draft(self.rule, match, timed)
                drafts.append(open_drafts[match.key])
                self._starts.put(match.key, match.time)
            elif match.key in open_drafts:
                open_drafts[match.key].join(match, timed)
            else:
                self.n_suppressed += 1
        return [(draft.match.at, draft.alert()) for draft in drafts]

    def get_state(self) -> Any:
        """The time of the last alert of each key, as JSON."""
        return self._starts.to_json(float)

    def set_state(self, state: Any) -> None:
        """Restore what ``get_state`` returned."""
        self._starts.from_json(state, float)

    def _is_in_cooldown(self, match: Match) -> bool:
        """Whether an alert is less than a cool-down away, before or after.

        After, because rows may be late. No further than a cool-down, because otherwise one row with a time in
        the far future would suppress all later alerts.
        """
        start = self._starts.get(match.key)
        return start is not None and abs(match.time - start) < self.rule.options.cooldown


def _location(timed: TimedRows | None, at: int) -> RowLocation:
    return RowLocation("", 0) if timed is None else timed.location(at)


def _rows_of(match: Match, timed: TimedRows | None) -> Sequence[AlertRow]:
    if match.rows is not None:
        return match.rows
    return [] if timed is None else [timed.row(match.at)]


def _worst_of(match: Match, timed: TimedRows | None) -> AlertRow | None:
    """The worst row of a match; if it is about the row at ``at``, that row."""
    if match.rows is not None:
        return match.worst
    return None if timed is None else timed.row(match.at)


def _new(known: Sequence[AlertRow], rows: Sequence[AlertRow]) -> list[AlertRow]:
    """The rows that are not known yet, because runs that overlap share rows."""
    seen = {(row.source, row.number) for row in known}
    return [row for row in rows if (row.source, row.number) not in seen]

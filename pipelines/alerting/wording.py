"""Alerts in words: one line for a title, a few for a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.alerting.records import Alert
from pipelines.records import Reason

_MOST_CHARACTERS = 80
"""Of a cell: a message is no place for a document."""


def title(alert: Alert) -> str:
    """Severity, rule, key and finding, in one line."""
    key = "".join(f" {name}={_short(value)}" for name, value in alert.key.items())
    return f"[{alert.severity}] {alert.rule}{key}: {alert.what}"


def message(alert: Alert) -> str:
    """What a person wants to know, one thing a line."""
    return "\n".join(_lines(alert))


def columns_text(columns: Sequence[Reason]) -> str:
    """Columns with what was observed and expected, worst first."""
    return "; ".join(map(_reason, columns)) or "none known"


def rows_text(alert: Alert) -> str:
    """Numbers of the rows, by file; of those that the alert shows, and how many there are."""
    if not alert.rows:
        return f"{alert.source} {alert.first} to {alert.last}" if alert.first else "none"
    by_source: dict[str, list[str]] = {}
    for row in alert.rows:
        by_source.setdefault(row.source, []).append(str(row.number))
    shown = "; ".join(f"{source} {', '.join(numbers)}" for source, numbers in by_source.items())
    return shown if len(alert.rows) == alert.n_rows else f"{shown}; {alert.n_rows} in all"


def _lines(alert: Alert) -> Iterator[str]:
    yield alert.what
    yield f"when: {alert.time}"
    if alert.p_value is not None:
        yield f"how unlikely: p = {alert.p_value:.3g}"
    yield f"columns: {columns_text(alert.columns)}"
    yield f"rows: {rows_text(alert)}"
    yield f"rule: {alert.rule} ({alert.kind}), alert {alert.id}"


def _reason(reason: Reason) -> str:
    if reason.observed is None:
        return f"{reason.column} (an odd combination)"
    return f"{reason.column}={_short(reason.observed)} (expected {_short(reason.expected or '?')})"


def _short(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"

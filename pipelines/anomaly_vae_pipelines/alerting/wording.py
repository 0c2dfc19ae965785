"""Alerts in words: the sentence that heads one, one line for a title, a few for a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, score_of
from anomaly_vae_pipelines.records import Reason

_MOST_CHARACTERS = 80
"""Of a cell: a message is no place for a document."""

_LATENT = "latent"
"""The reason that is not a single column."""

_MOST_COLUMNS = 3
"""Columns that the heading names."""


def named(ids: Mapping[str, str], place: str) -> str:
    """What to call a row: by its ids where there are any, and by its place in the file.

    >>> named({"patient": "367"}, "line 109")
    'patient=367 (line 109)'
    """
    shown = ", ".join(f"{column}={_short(cell)}" for column, cell in ids.items())
    return f"{shown} ({place})" if shown else place


def row_text(row: AlertRow, source: str) -> str:
    """A row, its score and why: ``line 109 at -3283 nats, because amount=8120 (expected 20.4)``.

    Its file is named where it is not ``source``, the one that the alert names.
    """
    name, score = row.name or f"line {row.number}", _score(score_of(row))
    where = f" of {row.source}" if row.source not in (source, row.name) else ""
    why = f", because {columns_text(row.reasons[:_MOST_COLUMNS])}" if row.reasons else ""
    return f"{name}{where} at {score} nats{why}"


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
    """The rows that the alert shows, by file, as numbers or by their ids; and how many there are."""
    if not alert.rows:
        return f"{alert.source} {alert.first} to {alert.last}" if alert.first else "none"
    by_source: dict[str, list[str]] = {}
    for row in alert.rows:
        by_source.setdefault(row.source, []).append(row.name if row.ids else str(row.number))
    shown = "; ".join(f"{source} {', '.join(numbers)}" for source, numbers in by_source.items())
    return shown if len(alert.rows) == alert.n_rows else f"{shown}; {alert.n_rows} in all"


def _score(score: float) -> str:
    """A score to four digits, or whole: nobody wants -1.488e+04."""
    return f"{score:.4g}" if abs(score) < 1000 else f"{score:.0f}"


def _lines(alert: Alert) -> Iterator[str]:
    yield alert.what
    yield f"when: {alert.time}"
    if alert.p_value is not None:
        yield f"how unlikely: p = {alert.p_value:.3g}"
    yield f"columns: {columns_text(alert.columns)}"
    yield f"rows: {rows_text(alert)}"
    yield f"rule: {alert.rule} ({alert.kind}), alert {alert.id}"


def _reason(reason: Reason) -> str:
    if reason.column == _LATENT:
        return f"{_LATENT} (an odd combination)"
    if reason.observed is None:
        return f"{reason.column} ({reason.nats:.4g} nats)"
    return f"{reason.column}={_short(reason.observed)} (expected {_short(reason.expected or '?')})"


def _short(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"

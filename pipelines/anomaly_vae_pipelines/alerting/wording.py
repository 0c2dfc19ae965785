"""Alerts in words: the sentence at the head, a title of one line, and a message of a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, score_of
from anomaly_vae_pipelines.reasons import Reason

_MAX_CHARACTERS = 80
"""Of a cell, so that a message stays short."""

_LATENT = "latent"
_VERDICTS = "verdicts"
"""The name of the reason that is not a single column."""

_MAX_COLUMNS = 3
"""Columns that the heading names."""


def row_label(ids: Mapping[str, str], position: str) -> str:
    """What to call a row: by its ids if there are any, and by its position in the file.

    >>> row_label({"patient": "367"}, "line 109")
    'patient=367 (line 109)'
    """
    shown = ", ".join(f"{column}={_short(cell)}" for column, cell in ids.items())
    return f"{shown} ({position})" if shown else position


def row_text(row: AlertRow, source: str) -> str:
    """A row with its score and the reasons: ``line 109 at -3283 nats, because amount=8120 (expected 20.4)``.

    Its file is named if it is not ``source``, which the alert names already.
    """
    name, score = row.name or f"line {row.number}", _score(score_of(row))
    where = f" of {row.source}" if row.source not in (source, row.name) else ""
    why = f", because {columns_text(row.reasons[:_MAX_COLUMNS])}" if row.reasons else ""
    return f"{name}{where} at {score} nats{why}"


def title(alert: Alert) -> str:
    """Severity, rule, key and match, in one line."""
    key = "".join(f" {name}={_short(value)}" for name, value in alert.key.items())
    return f"[{alert.severity}] {alert.rule}{key}: {alert.what}"


def message(alert: Alert) -> str:
    """What a person wants to know, one fact per line."""
    lines = [alert.what, f"when: {alert.time}"]
    if alert.p_value is not None:
        lines.append(f"how unlikely: p = {alert.p_value:.3g}")
    if alert.worst is not None and alert.worst.severity is not None:
        lines.append(f"severity of the worst row: {alert.worst.severity:.1f} of 100")
    lines += [
        f"columns: {columns_text(alert.columns)}",
        f"rows: {rows_text(alert)}",
        f"rule: {alert.rule} ({alert.kind}), alert {alert.id}",
    ]
    return "\n".join(lines)


def columns_text(columns: Sequence[Reason]) -> str:
    """Columns with what was observed and expected, worst first."""
    return "; ".join(map(_reason, columns)) or "none known"


def rows_text(alert: Alert) -> str:
    """The rows that the alert shows, by file, as numbers or ids, and how many there are in all."""
    if not alert.rows:
        return f"{alert.source} {alert.first} to {alert.last}" if alert.first else "none"
    by_source: dict[str, list[str]] = {}
    for row in alert.rows:
        by_source.setdefault(row.source, []).append(row.name if row.ids else str(row.number))
    shown = "; ".join(f"{source} {', '.join(numbers)}" for source, numbers in by_source.items())
    return shown if len(alert.rows) == alert.n_rows else f"{shown}; {alert.n_rows} in all"


def _score(score: float) -> str:
    """A score to four digits, or as a whole number, to avoid -1.488e+04."""
    return f"{score:.4g}" if abs(score) < 1000 else f"{score:.0f}"


def _reason(reason: Reason) -> str:
    if reason.column == _LATENT:
        return f"{_LATENT} (an odd combination)"
    if reason.column == _VERDICTS and reason.observed is None:
        return f"{_VERDICTS} (like rows that were judged anomalous)"
    if reason.observed is None:
        share = f", {reason.percent}" if reason.percent else ""
        return f"{reason.column} ({reason.nats:.4g} nats{share})"
    expected = f"expected {_short(reason.expected or '?')}"
    unseen = "never seen, " if reason.unseen else ""
    return f"{reason.column}={_short(reason.observed)} ({unseen}{expected})"


def _short(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…"

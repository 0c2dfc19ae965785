"""comparison_section: what changes if a model replaces another, from the JSON values of ``compare``."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.reports.document import table

_GROUPS = {
    "both": "alerts of both models",
    "only_old": "alerts of the old model only",
    "only_new": "alerts of the new model only",
}
_MEASURES = {
    "recall": "recall",
    "precision": "precision",
    "false_alarms": "false-alarm rate",
    "auroc": "AUROC",
    "average_precision": "average precision",
}
"""Measures of rows that are known, by their names in JSON."""


def comparison_section(found: Mapping[str, Any]) -> list[str]:
    """The parts of a page, in HTML."""
    old, new = found["old"], found["new"]
    correlation = _share(found["rank_correlation"])
    return [
        "<h2>What changes?</h2>",
        f"<p>{escape(new['model'])} instead of {escape(old['model'])}, on {counted(found['n_rows'], 'row')}. "
        f"Rank correlation of the scores: {correlation}.</p>",
        table(("", "old", "new"), _sides(old, new)),
        *_gate(found.get("gate")),
        *(part for group, title in _GROUPS.items() for part in _alerts(found["alerts"][group], title)),
    ]


def _sides(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("model", old["model_id"], new["model_id"]),
        ("threshold (nats)", *(_number(one["threshold"]) for one in (old, new))),
        ("alerts", f"{old['n_alerts']:,}", f"{new['n_alerts']:,}"),
    ]
    known = [name for name in _MEASURES if name in new]
    return [*rows, *((_MEASURES[name], _share(old[name]), _share(new[name])) for name in known)]


def _gate(gate: Mapping[str, Any] | None) -> list[str]:
    if gate is None:
        return []
    rows = [(one["clause"], "holds" if one["holds"] else "does not hold") for one in gate["clauses"]]
    return [table(("gate", ""), rows, 2)]


def _alerts(group: Mapping[str, Any], title: str) -> list[str]:
    """The number of rows of a group, and examples."""
    rows = [
        (one["row"], one["kind"], one["reasons"].replace(";", ", "), _number(one["old"]), _number(one["new"]))
        for one in group["examples"]
    ]
    heading = f"<h3>{title.capitalize()}: {counted(group['n_rows'], 'row')}</h3>"
    names = ("row", "label", "reasons", "old score (nats)", "new score (nats)")
    return [heading, table(names, rows, 3)] if rows else [heading]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"

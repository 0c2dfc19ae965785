"""``anomaly-vae compare``: shows what changes if a model replaces another, and checks a gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.exit_codes import report_problems
from anomaly_vae_pipelines.cli.options import both_of, gate_option, json_option, label_options
from anomaly_vae_pipelines.cli.pages import check_page, numbers_of, report_option, write_page
from anomaly_vae_pipelines.cli.printing import (
    echo_json,
    echo_pairs,
    gate_fields,
    gate_pairs,
    nats,
)
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.compare import Comparison, Example, Side
    from anomaly_vae_pipelines.runs.gates import Gate, Outcome

_GROUPS = {
    "both": "alerts of both models",
    "only_old": "alerts of the old model only",
    "only_new": "alerts of the new model only",
}
_COUNTS = ("n_normal", "n_anomalous", "n_unlabelled")


@click.command("compare")
@click.argument("old")
@click.argument("new")
@click.argument("source", metavar="DATA")
@label_options("Column of DATA with the true labels of the rows.")
@click.option("--verdicts", metavar="FILE", help="More known rows, as for anomaly-vae learn.")
@gate_option("old is the value of the model OLD.")
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    metavar="N",
    help="The most rows to show of those that raise an alert with both models, or with one only.",
)
@report_option("Also write a page with this comparison and the report of anomaly-vae report NEW DATA.")
@click.option("--force", is_flag=True, help="Replace PAGE if it exists.")
@dialect_options
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    old: str,
    new: str,
    source: str,
    label: str | None,
    normal: str | None,
    verdicts: str | None,
    gate: str | None,
    examples: int,
    page: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Show what changes if model NEW replaces model OLD.

    Both models score the rows of DATA. The rank correlation is Spearman's, between their scores. Rows that
    raise an alert with only one of the models are shown with reasons. Known rows, by --label or --verdicts,
    give the share of anomalies that raise an alert (recall) and of normal rows that do (false alarms). The
    exit code is 1 if the gate does not hold.
    """
    wanted = both_of(label, normal)
    conditions = _gate(ctx, gate, is_known=wanted is not None or verdicts is not None)
    from anomaly_vae_pipelines.runs.compare import compare_models
    from anomaly_vae_pipelines.runs.gates import problems
    from anomaly_vae_pipelines.runs.report import Report
    from anomaly_vae_pipelines.scoring.model_files import open_model

    given = given_dialect(ctx)
    check_page(page, [old, new, source, verdicts or source], force=force)
    former, latter = open_model(old, given), open_model(new, given)
    report = None if page is None else Report(latter, [source], wanted)
    found = compare_models(former, latter, source, wanted, verdicts, n_examples=examples, report=report)
    outcomes = conditions.outcomes(found.metrics, found.old.metrics) if conditions else ()
    fields = _fields(found, outcomes)
    if page is not None and report is not None:
        content = report.content()
        write_page(page, {**content, "comparison": fields}, force=force)
        fields = {**fields, "report": numbers_of(content)}
    echo_json(fields) if as_json else _show(source, found, outcomes)
    return report_problems(problems(outcomes), only_warn=False)


def _gate(ctx: click.Context, text: str | None, *, is_known: bool) -> Gate | None:
    """The gate; raises UsageError if it needs rows that are known and there are none."""
    if text is None:
        return None
    from anomaly_vae_pipelines.runs.compare import KNOWN_METRICS, METRICS
    from anomaly_vae_pipelines.runs.gates import parse_gate

    gate = parse_gate(text, METRICS)
    needy = sorted(gate.metrics & set(KNOWN_METRICS))
    if needy and not is_known:
        raise click.UsageError(
            f"The gate on {needy[0]} needs known rows; give --label and --normal, or --verdicts.", ctx
        )
    return gate


def _fields(found: Comparison, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    sides: dict[str, Any] = {"old": _side(found.old), "new": _side(found.new)}
    alerts = {
        group: {
            "n_rows": getattr(found, f"n_{group}"),
            "examples": [_finite(asdict(one)) for one in getattr(found, group)],
        }
        for group in _GROUPS
    }
    return {
        "n_rows": found.new.n_rows,
        "rank_correlation": found.rank_correlation,
        **sides,
        "alerts": alerts,
        **gate_fields(outcomes),
    }


def _side(side: Side) -> dict[str, Any]:
    counts = {} if side.known is None else {name: getattr(side.known, name) for name in _COUNTS}
    about = {"model": side.model, "model_id": side.model_id, "threshold": side.threshold}
    return _finite({**about, "n_alerts": side.n_alerts, **counts, **side.metrics})


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with None for infinite numbers, which JSON has not."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in fields.items()
    }


def _show(source: str, found: Comparison, outcomes: Sequence[Outcome]) -> None:
    old, new = found.old, found.new
    counts = f"both {found.n_both:,}, only old {found.n_only_old:,}, only new {found.n_only_new:,}"
    pairs = [
        ("rank correlation", _share(found.rank_correlation)),
        ("threshold", f"{nats(new.threshold)}, was {nats(old.threshold)}"),
        ("alerts", f"{new.n_alerts:,}, were {old.n_alerts:,} ({counts})"),
        *_known(old, new),
        *gate_pairs(outcomes),
    ]
    echo_pairs(f"{new.model} instead of {old.model}, on {counted(new.n_rows, 'row')} of {source}", pairs)
    for group, title in _GROUPS.items():
        if shown := getattr(found, group):
            rows = counted(getattr(found, f"n_{group}"), "row")
            echo_pairs(f"{title}: {rows}, such as", [(one.row, _text(one)) for one in shown])


def _known(old: Side, new: Side) -> list[tuple[str, str]]:
    if old.known is None or new.known is None:
        return []
    former, latter = old.known, new.known
    anomalous, normal = f"{latter.n_anomalous:,} anomalous", f"{latter.n_normal:,} normal"
    recall = f"{_share(latter.recall)}, was {_share(former.recall)}  (of {anomalous} rows)"
    rates = f"{_share(latter.false_alarm_rate)}, was {_share(former.false_alarm_rate)}  (of {normal} rows)"
    ranking = f"{_share(latter.average_precision)}, was {_share(former.average_precision)}"
    return [("recall", recall), ("false alarms", rates), ("average precision", ranking)]


def _text(example: Example) -> str:
    kind = f", {example.kind}" if example.kind else ""
    reasons = example.reasons.replace(";", ", ")
    return f"{nats(example.new)}, was {nats(example.old)}{kind}: {reasons}"


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"

"""``anomaly-vae drift``: compares rows with those that a model was calibrated on, column by column."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.exit_codes import ALERTED, DONE
from anomaly_vae_pipelines.cli.options import Share, json_option
from anomaly_vae_pipelines.cli.printing import echo_json, echo_table, printable
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae.drift import ColumnDrift, DriftReport

_MOST_STILL = 10
"""Columns without drift that are shown, those with the largest effects."""

_NAMES = ("column", "since", "effect", "shift", "p", "missing", "unseen", "nats", "alerts")
_OPTIONAL, _NOTHING = {"missing", "unseen"}, {"", "0.000"}
"""Columns of the output that are left out if all of their cells are nothing."""


@click.command("drift")
@click.argument("model")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "--rate",
    type=Share,
    default=0.01,
    show_default=True,
    metavar="R",
    help="The most that the probability of a false alarm may be.",
)
@click.option("--fail-on-alert", is_flag=True, help="End with exit code 3 if a column drifted.")
@dialect_options
@json_option
def command(model: str, inputs: tuple[str, ...], rate: float, fail_on_alert: bool, as_json: bool) -> int:
    """Compare rows with those that MODEL was calibrated on.

    For each column: effect, the total variation distance of its values, from 0 to 1; shift, the change of a
    number in standard deviations; p, corrected for the number of columns; missing cells and unseen values;
    nats, the change of its mean contribution to the score; and alerts, the change of the share of flagged
    rows that it explains.

    A column drifted if p is at most half of --rate and effect at least 0.1, or if a martingale found a change
    (since: after how many rows), which it ever does in rows like those of calibration with at most the other
    half of --rate. Both assume that rows are independent.
    """
    from anomaly_vae_pipelines.runs.drift import drift_files
    from anomaly_vae_pipelines.scoring.model_files import open_model

    opened = open_model(model, given_dialect(click.get_current_context()))
    report = drift_files(opened, inputs, rate)
    if as_json:
        echo_json({**asdict(report), "drifted": report.drifted, "moved": report.moved})
    else:
        _show(report)
    return ALERTED if fail_on_alert and report.drifted else DONE


def _show(report: DriftReport) -> None:
    """Print one line, then a table with a row per column: those that drifted, and the largest effects."""
    click.echo(printable(_summary(report)))
    by_name = {column.name: column for column in report.columns}
    moved = [by_name[name] for name in report.moved]
    still = sorted((c for c in report.columns if not c.drifted), key=lambda c: -(c.effect or 0.0))
    shown = [*moved, *still[:_MOST_STILL], report.score]
    table = dict(zip(_NAMES, zip(*map(_cells, shown), strict=True), strict=True))
    told = {name: cells for name, cells in table.items() if name not in _OPTIONAL or {*cells} - _NOTHING}
    echo_table(told, zip(*told.values(), strict=True), justify="right")
    if len(still) > _MOST_STILL:
        click.echo(f"and {counted(len(still) - _MOST_STILL, 'column')} without drift")


def _summary(report: DriftReport) -> str:
    rows = f"{counted(report.n_rows, 'row')} against {report.n_calibration:,} of calibration"
    if report.alert_rate is None:
        return f"{rows}: nothing to compare"
    rates = f"{_percent(report.alert_rate)} flagged, {_percent(report.calibration_alert_rate)} in calibration"
    return f"{rows}: {_finding(report)}; {rates}"


def _finding(report: DriftReport) -> str:
    if not report.drifted:
        return "no drift"
    aspects = {column.name: " and ".join(column.aspects or ("values",)) for column in report.columns}
    columns = ", ".join(f"{name} ({aspects[name]})" for name in report.moved[:3]) or "the score"
    others = f" and {len(report.moved) - 3:,} more" if len(report.moved) > 3 else ""
    when = "" if report.since is None else f", found after {counted(report.since, 'row')}"
    return f"drift in {columns}{others}{when}"


def _cells(column: ColumnDrift) -> Iterable[str]:
    """The cells of a column below ``_NAMES``."""
    return (
        column.name,
        "test" if column.drifted and column.since is None else _number(column.since, ",d"),
        _number(column.effect, ".3f"),
        _number(column.shift, "+.2f"),
        _number(column.p_value, ".1g"),
        _number(column.missing, ".3f"),
        _number(column.unseen, ".3f"),
        _number(column.nats, "+.2f"),
        _number(column.alerts, "+.4f"),
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"

"""``anomaly-vae learn``: saves a model that learned from verdicts about rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.options import command_line, json_option, model_output_option
from anomaly_vae_pipelines.cli.printing import echo_json, echo_pairs, nats, threshold_text
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.learn import Flagged, Learned


@click.command("learn")
@click.argument("model")
@click.argument("source", metavar="VERDICTS")
@model_output_option
@click.option(
    "--verdict", "column", default="verdict", show_default=True, metavar="COL", help="Column of the verdicts."
)
@json_option
def command(model: str, source: str, output: str, force: bool, column: str, as_json: bool) -> None:
    """Save MODEL after it learned from VERDICTS about rows.

    MODEL is not fitted again. VERDICTS is a file of rows with the columns of MODEL and a column of verdicts:
    normal or anomalous (or 1 or -1), or empty for rows that are not judged. Verdicts add up over calls. Rows
    like those that were judged get other scores, and the threshold is calibrated again.
    """
    from anomaly_vae_pipelines.runs.learn import learn_file

    learned = learn_file(model, source, output, column=column, force=force, command=command_line())
    echo_json(asdict(learned)) if as_json else _show(source, learned)


def _show(source: str, learned: Learned) -> None:
    ignored = f"; {learned.n_ignored:,} without a verdict ignored" if learned.n_ignored else ""
    title = f"learned from {counted(learned.n_verdicts, 'verdict')} in {source}{ignored}"
    threshold = threshold_text(learned.offset, learned.false_alarm_rate, learned.tail)
    pairs = [
        ("remembered", counted(learned.n_remembered, "verdict")),
        ("anomalous", _flagged(learned.anomalous)),
        ("normal", _flagged(learned.normal)),
        ("held out", _flagged(learned.calibration)),
        ("threshold", f"{threshold}, was {nats(learned.former_offset)}"),
        *([("weights", _weights(learned))] if learned.column_weights else []),
        ("saved to", learned.model),
    ]
    echo_pairs(title, pairs)


def _flagged(flagged: Flagged) -> str:
    return f"{flagged.after:,} of {flagged.n_rows:,} flagged, were {flagged.before:,}"


def _weights(learned: Learned) -> str:
    shown = ", ".join(f"{name} has weight {weight:.2g}" for name, weight in learned.column_weights)
    return f"{shown} (1 without verdicts)"

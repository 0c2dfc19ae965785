"""``anomaly-vae evaluate``: how well a model finds the anomalies of a labelled CSV file."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import json_option, label_options
from pipelines.cli.printing import echo_json, echo_pairs, nats
from pipelines.records import Label

if TYPE_CHECKING:
    from pipelines.records import Evaluation


@click.command("evaluate")
@click.argument("model")
@click.argument("source", metavar="INPUT")
@label_options(required=True, text="Column that says which rows are normal; all others are anomalous.")
@json_option
def command(model: str, source: str, label: str, normal: str, as_json: bool) -> None:
    """Compare the scores of INPUT's rows with a label.

    AUROC and average precision judge the order of the scores; precision, recall and the false-alarm
    rate judge the model's threshold. Rows whose label is empty are left out.
    """
    from pipelines.batch import evaluate_file

    evaluation = evaluate_file(model, source, Label(label, normal))
    if as_json:
        echo_json(_fields(evaluation))
    else:
        _show(evaluation)


def _fields(evaluation: Evaluation) -> dict[str, float | None]:
    derived = ("precision", "recall", "false_alarm_rate")
    return asdict(evaluation) | {name: getattr(evaluation, name) for name in derived}


def _show(e: Evaluation) -> None:
    n_rows = e.n_normal + e.n_anomalous
    unlabelled = f"; {e.n_unlabelled:,} without a label left out" if e.n_unlabelled else ""
    precision = "none, for want of alerts" if e.precision is None else f"{e.precision:.4f}"
    pairs = [
        ("AUROC", f"{e.auroc:.4f}"),
        ("average precision", f"{e.average_precision:.4f}"),
        ("threshold", nats(e.offset)),
        ("precision", f"{precision}  ({e.n_hits:,} of {e.n_alerts:,} alerts are anomalous)"),
        ("recall", f"{e.recall:.4f}  ({e.n_hits:,} of {e.n_anomalous:,} anomalous rows raise an alert)"),
        (
            "false-alarm rate",
            f"{e.false_alarm_rate:.4f}  ({e.n_alerts - e.n_hits:,} of {e.n_normal:,} normal rows)",
        ),
    ]
    echo_pairs(f"{n_rows:,} rows, {e.n_anomalous:,} of them anomalous{unlabelled}", pairs)

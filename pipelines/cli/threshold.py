"""``anomaly-vae threshold``: move a model's threshold without fitting it again."""

from __future__ import annotations

import click

from pipelines.cli.options import Share, exactly_one, model_output_option
from pipelines.cli.printing import echo_pairs, threshold_text


@click.command("threshold")
@click.argument("model")
@model_output_option
@click.option(
    "--false-alarm-rate",
    type=Share,
    metavar="R",
    help="At most this share of normal rows raises an alert, as held-out rows promise.",
)
@click.option(
    "--contamination", type=Share, metavar="C", help="This share of the held-out rows raises an alert."
)
@click.option("--offset", type=float, metavar="NATS", help="Rows that score lower raise an alert.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    output: str,
    force: bool,
    false_alarm_rate: float | None,
    contamination: float | None,
    offset: float | None,
) -> None:
    """Save MODEL with another threshold; scores stay as they are.

    Give exactly one of the three ways to set it.
    """
    from pipelines.batch import threshold_file

    wanted = exactly_one(ctx, "false_alarm_rate", "contamination", "offset")
    threshold = threshold_file(model, output, force=force, **wanted)
    pairs = [
        ("threshold", threshold_text(threshold.offset, threshold.false_alarm_rate)),
        ("saved to", threshold.model),
    ]
    echo_pairs(f"moved the threshold of {model}", pairs)

"""``anomaly-vae threshold``: move a model's threshold without fitting it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.options import Share, exactly_one, model_output_option, tail_of, tail_option
from anomaly_vae_pipelines.cli.printing import echo_pairs, threshold_text

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail

Positive = click.FloatRange(0, min_open=True)


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
    "--alerts-per-day",
    type=Positive,
    metavar="N",
    help="At most so many normal rows a day raise an alert, of as many rows as --rows-per-day says or --time "
    "shows.",
)
@click.option("--rows-per-day", type=Positive, metavar="R", help="Rows a day, for --alerts-per-day.")
@click.option(
    "--time",
    metavar="COL",
    help="Measure the rows a day by this column of --in: times in ISO 8601, or all in seconds.",
)
@click.option("--in", "source", metavar="INPUT", help="CSV file whose rows --time counts.")
@tail_option
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
    alerts_per_day: float | None,
    rows_per_day: float | None,
    time: str | None,
    source: str | None,
    tail: Tail | None,
    contamination: float | None,
    offset: float | None,
) -> None:
    """Save MODEL with another threshold; scores stay as they are.

    Give exactly one of --false-alarm-rate, --alerts-per-day, --contamination and --offset.
    """
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.threshold import threshold_file

    # The model itself may be replaced: what is written is that model, whole, with another threshold.
    check_no_overwriting({"-o": output}, [] if source is None else [source])
    wanted = exactly_one(ctx, "false_alarm_rate", "alerts_per_day", "contamination", "offset")
    tail = tail_of(ctx, tail, wanted)
    threshold = threshold_file(model, output, tail=tail, force=force, **_as_rate(ctx, wanted))
    pairs = [
        ("threshold", threshold_text(threshold.offset, threshold.false_alarm_rate, threshold.tail)),
        ("saved to", threshold.model),
    ]
    echo_pairs(f"moved the threshold of {model}", pairs)


def _as_rate(ctx: click.Context, wanted: dict[str, Any]) -> dict[str, Any]:
    """A budget of alerts as a false-alarm rate; what is no budget as it is."""
    from anomaly_vae_pipelines.runs.threshold import rows_per_day_file
    from anomaly_vae_pipelines.scoring.budget import rate_of_budget

    rows_per_day, time, source = (ctx.params[name] for name in ("rows_per_day", "time", "source"))
    if "alerts_per_day" not in wanted:
        if (rows_per_day, time, source) != (None, None, None):
            raise click.UsageError("--rows-per-day, --time and --in go with --alerts-per-day.", ctx)
        return wanted
    if (rows_per_day is None) == (time is None) or (time is None) != (source is None):
        raise click.UsageError("Give --rows-per-day, or --time and --in, with --alerts-per-day.", ctx)
    measured = rows_per_day if time is None else rows_per_day_file(source, time)
    return {"false_alarm_rate": rate_of_budget(wanted["alerts_per_day"], measured)}

"""``anomaly-vae threshold``: changes the threshold of a model without fitting it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.options import (
    Minority,
    Positive,
    Share,
    command_line,
    exactly_one,
    model_output_option,
    only_one,
    tail_of,
    tail_option,
)
from anomaly_vae_pipelines.cli.printing import actual_rate, echo_pairs, threshold_text

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail


@click.command("threshold")
@click.argument("model")
@model_output_option
@click.option(
    "--false-alarm-rate",
    type=Share,
    metavar="R",
    help="Flag at most this share of normal rows, guaranteed by the held-out rows.",
)
@click.option(
    "--alerts-per-day",
    type=Positive,
    metavar="N",
    help="Flag at most this many normal rows per day. Needs --rows-per-day, or --time and --in.",
)
@click.option("--rows-per-day", type=Positive, metavar="R", help="Rows per day, for --alerts-per-day.")
@click.option(
    "--time",
    metavar="COL",
    help="Measure the rows per day from this column of --in: times in ISO 8601 or in seconds.",
)
@click.option("--in", "source", metavar="INPUT", help="CSV file with the column --time.")
@click.option(
    "--calibrate",
    metavar="FILE",
    help="First take p-values and thresholds from the rows of FILE, which are recent and normal.",
)
@dialect_options
@tail_option
@click.option("--contamination", type=Minority, metavar="C", help="Flag this share of the held-out rows.")
@click.option("--offset", type=float, metavar="NATS", help="Flag rows with a lower score.")
def command(
    model: str,
    output: str,
    force: bool,
    source: str | None,
    calibrate: str | None,
    tail: Tail | None,
    **_: Any,
) -> None:
    """Save MODEL with another threshold; scores do not change.

    Give exactly one of --false-alarm-rate, --alerts-per-day, --contamination and --offset. With --calibrate,
    all may be left out: the rule of the threshold then stays as it is.
    """
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.threshold import recalibrate_file, threshold_file

    # The output may be MODEL itself: the new file is complete before it replaces the old one.
    check_no_overwriting({"-o": output}, [path for path in (source, calibrate) if path is not None])
    ctx = click.get_current_context()
    choose = exactly_one if calibrate is None else only_one
    wanted = choose(ctx, "false_alarm_rate", "alerts_per_day", "contamination", "offset")
    tail = tail_of(ctx, tail, wanted)
    options: dict[str, Any] = {"tail": tail, "force": force, "command": command_line()}
    options |= _with_budget(ctx, wanted)
    if calibrate is None:
        threshold = threshold_file(model, output, **options)
    else:
        threshold = recalibrate_file(model, calibrate, output, given=given_dialect(ctx), **options)
    rate = threshold.false_alarm_rate
    of_rows = (
        [] if calibrate is None else [("calibrated", f"on {threshold.n_calibration:,} rows of {calibrate}")]
    )
    pairs = [
        *of_rows,
        ("threshold", threshold_text(threshold.offset, rate, threshold.tail, threshold.n_keys)),
        *actual_rate(rate, threshold.false_alarm_interval, threshold.n_calibration),
        ("saved to", threshold.model),
    ]
    echo_pairs(f"changed the threshold of {model}", pairs)


def _with_budget(ctx: click.Context, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return alerts per day with the rows per day as ``budget``; another option is returned unchanged."""
    from anomaly_vae_pipelines.runs.threshold import rows_per_day_file

    rows_per_day, time, source = (ctx.params[name] for name in ("rows_per_day", "time", "source"))
    if "alerts_per_day" not in wanted:
        if (rows_per_day, time, source) != (None, None, None):
            raise click.UsageError("--rows-per-day, --time and --in need --alerts-per-day.", ctx)
        return wanted
    if (rows_per_day is None) == (time is None) or (time is None) != (source is None):
        raise click.UsageError("--alerts-per-day needs --rows-per-day, or --time and --in.", ctx)
    measured = rows_per_day if time is None else rows_per_day_file(source, time, given_dialect(ctx))
    return {"budget": (wanted["alerts_per_day"], measured)}

"""``anomaly-vae fit``: learn from a CSV file what its rows look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipelines.cli.options import (
    Share,
    both_of,
    config_option,
    detector_table,
    label_options,
    model_output_option,
    only_one,
    progress_option,
    seed_option,
    tail_of,
    tail_option,
    wants_progress,
)
from pipelines.cli.printing import counted, echo_pairs, nats, threshold_text

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail
    from pipelines.records import FitSummary

_LABEL_HELP = "Column that says which rows are normal. Learn only from those; the column is no feature."
_NOVELTY_HELP = (
    "Whether the rows are known to be clean (novelty), or may hold anomalies that the fit is to withstand. "
    "Clean with --label, not clean without, unless said here."
)
_RECIPE_HELP = (
    "Ready-made model: tabular for columns of any kind, tabular_numeric to refuse what is no number, "
    "embeddings for vectors of a network. [default: tabular]"
)


@click.command("fit")
@click.argument("train")
@model_output_option
@label_options(required=False, text=_LABEL_HELP)
@click.option("--novelty/--no-novelty", default=None, help=_NOVELTY_HELP)
@click.option(
    "--false-alarm-rate",
    type=Share,
    metavar="R",
    help="Put the threshold where at most this share of normal rows raises an alert. [default for clean "
    "rows: 0.01, or the least that the held-out rows can promise; for others a fence below most scores]",
)
@tail_option
@click.option("--contamination", type=Share, metavar="C", help="Put it where this share of TRAIN raises one.")
@click.option("--recipe", metavar="NAME", help=_RECIPE_HELP)
@click.option(
    "--id", "ids", multiple=True, metavar="COL", help="Column that names the row; no feature. Repeatable."
)
@click.option("--ignore", "ignored", multiple=True, metavar="COL", help="Column to leave out. Repeatable.")
@seed_option
@config_option
@progress_option
@click.pass_context
def command(
    ctx: click.Context,
    train: str,
    output: str,
    force: bool,
    label: str | None,
    normal: str | None,
    novelty: bool | None,
    false_alarm_rate: float | None,
    tail: Tail | None,
    contamination: float | None,
    recipe: str | None,
    ids: tuple[str, ...],
    ignored: tuple[str, ...],
    seed: int | None,
    verbose: bool | None,
) -> None:
    """Learn what the rows of TRAIN look like, and save the model.

    TRAIN is CSV with a header, JSON Lines or Parquet. Its columns are numbers, truth values, dates or
    text as their cells say; empty cells, NA, NaN, null and None are missing. Columns named by --id and
    --ignore take no part, need not be there when rows are scored, and pass through then as all others do.
    """
    from pipelines.batch import fit_file

    threshold = only_one(ctx, "false_alarm_rate", "contamination")
    given = {"novelty": novelty, "random_state": seed, "contamination": threshold.get("contamination")}
    defaults = {"novelty": label is not None, "random_state": 0, "verbose": int(wants_progress(verbose))}
    summary = fit_file(
        train,
        output,
        label=both_of(label, normal),
        left_out=[*ids, *ignored],
        parameters=defaults | detector_table(ctx) | {k: v for k, v in given.items() if v is not None},
        recipe=recipe or "tabular",
        false_alarm_rate=threshold.get("false_alarm_rate"),
        tail=tail_of(ctx, tail, threshold),
        force=force,
    )
    _show(summary)


def _show(summary: FitSummary) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items())
    pairs = [
        ("columns", f"{sum(summary.kinds.values()):,}: {kinds}"),
        ("held out", f"ELBO {nats(summary.elbo_validation)} a row"),
        ("threshold", threshold_text(summary.offset, summary.false_alarm_rate, summary.tail)),
        ("saved to", summary.model),
    ]
    echo_pairs(f"fitted {counted(summary.n_rows, 'row')} in {summary.seconds:.1f} s", pairs)

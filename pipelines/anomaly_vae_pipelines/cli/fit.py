"""``anomaly-vae fit``: learn from a file what its rows look like, or from a folder its images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.options import (
    CONFIG_FILE,
    ImageSize,
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
from anomaly_vae_pipelines.cli.printing import echo_pairs, image_text, nats, threshold_text
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail
    from anomaly_vae_pipelines.records import FitSummary

_LABEL_HELP = "Column that says which rows are normal. Learn only from those; the column is no feature."
_NOVELTY_HELP = (
    "Whether the rows are known to be clean (novelty), or may hold anomalies that the fit is to withstand. "
    "Clean with --label, not clean without, unless said here; images are clean, unless said here."
)
_SIZE_HELP = (
    "Resize every image to so many pixels, height x width, here and when images are scored. [default: they "
    "all have one size]"
)
_CHANNELS_HELP = "Turn every image into grey (1) or colour (3), here and when images are scored."
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
@click.option("--image-size", type=ImageSize(), metavar="HxW", help=_SIZE_HELP)
@click.option("--channels", type=click.Choice(["1", "3"]), help=_CHANNELS_HELP)
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
    image_size: tuple[int, int] | None,
    channels: str | None,
    ignored: tuple[str, ...],
    seed: int | None,
    verbose: bool | None,
) -> None:
    """Learn what the rows or images of TRAIN look like.

    TRAIN is CSV with a header, JSON Lines or Parquet. Its columns are numbers, truth values, dates or
    text as their cells say; empty cells, NA, NaN, null and None are missing. Columns named by --id and
    --ignore take no part, need not be there when rows are scored, and pass through then as all others do.

    Or TRAIN is a folder of PNG, JPEG, WebP, BMP or TIFF images, grey or in colour, in it or anywhere
    below (of a folder laid out as MVTec's those in train/good); a pattern of such files; or an array
    (.npy, .npz) of shape (n, height, width) or (n, height, width, 3). All have the same size, or are
    resized to --image-size. Grey images among coloured ones count as coloured.
    """
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.fit import fit_file, fit_images
    from anomaly_vae_pipelines.scoring.adapters import reads_images

    check_no_overwriting({"-o": output}, [train, ctx.meta.get(CONFIG_FILE, train)])
    threshold = only_one(ctx, "false_alarm_rate", "contamination")
    given = {"novelty": novelty, "random_state": seed, "contamination": threshold.get("contamination")}
    parameters = detector_table(ctx) | {k: v for k, v in given.items() if v is not None}
    defaults = {"random_state": 0, "verbose": int(wants_progress(verbose))}
    terms: dict[str, Any] = {
        "false_alarm_rate": threshold.get("false_alarm_rate"),
        "tail": tail_of(ctx, tail, threshold),
        "force": force,
    }
    if reads_images(train):
        _refuse(ctx, "TRAIN holds images", "label", "normal", "recipe", "ids", "ignored")
        n_channels = None if channels is None else int(channels)
        terms |= {"image_size": image_size, "channels": n_channels, "parameters": defaults | parameters}
        _show(fit_images(train, output, **terms))
        return
    _refuse(ctx, "TRAIN is a table", "image_size", "channels")
    terms |= {"parameters": defaults | {"novelty": label is not None} | parameters}
    terms |= {"label": both_of(label, normal), "left_out": [*ids, *ignored], "recipe": recipe or "tabular"}
    _show(fit_file(train, output, **terms))


def _refuse(ctx: click.Context, why: str, *names: str) -> None:
    """Raise UsageError for options that have no meaning for what TRAIN is."""
    for option in ctx.command.params:
        if option.name in names and ctx.params[str(option.name)]:
            raise click.UsageError(f"{why}; leave out {option.opts[0]}.", ctx)


def _show(summary: FitSummary) -> None:
    noun = "row" if summary.image is None else "image"
    pairs = [
        _learned_from(summary),
        ("held out", f"ELBO {nats(summary.elbo_validation)} {'a row' if noun == 'row' else 'an image'}"),
        ("threshold", threshold_text(summary.offset, summary.false_alarm_rate, summary.tail)),
        ("saved to", summary.model),
    ]
    echo_pairs(f"fitted {counted(summary.n_rows, noun)} in {summary.seconds:.1f} s", pairs)


def _learned_from(summary: FitSummary) -> tuple[str, str]:
    """Kinds of columns, or the size of images."""
    if summary.image is not None:
        return "images", image_text(*summary.image)
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items())
    return "columns", f"{sum(summary.kinds.values()):,}: {kinds}"

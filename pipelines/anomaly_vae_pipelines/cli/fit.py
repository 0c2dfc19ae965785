"""``anomaly-vae fit``: fits a model on a file of rows or a folder of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.dialect_options import (
    dialect_options,
    given_dialect,
    given_schema,
    schema_option,
)
from anomaly_vae_pipelines.cli.options import (
    CONFIG_FILE,
    ImageSize,
    Minority,
    Share,
    both_of,
    command_line,
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
from anomaly_vae_pipelines.cli.pages import check_page, report_option, write_page
from anomaly_vae_pipelines.cli.printing import (
    actual_rate,
    echo_pairs,
    image_text,
    nats,
    threshold_text,
)
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae.tails import Tail
    from anomaly_vae_pipelines.records import FitSummary

_NOVELTY_HELP = (
    "Whether the training data are free of anomalies (novelty), or may contain some. [default: novelty with "
    "--label and for images, else no-novelty]"
)
_SIZE_HELP = (
    "Resize all images to this height and width in pixels, now and when scoring. [default: all images must "
    "have the same size]"
)
_CHANNELS_HELP = "Convert all images to grey (1) or colour (3), now and when scoring."
_OF_TABLES = ("rows", "per", "key", "fast_sample", "recipe", "ids", "ignored", "schema")
"""Options for new models of tables."""

_MOST_ODD = 3
"""Odd columns that are shown."""

_ROWS_HELP = (
    "Fit on a uniform sample of this many rows if TRAIN has more, of which at most 200,000 are trained on; "
    "memory does not depend on the size of TRAIN. [default: 250000]"
)
_PER_HELP = (
    "If TRAIN has more than --rows rows, train on as many rows of each value of this column as of any other, "
    "so that rare ones are present. Thresholds are calibrated on rows that are drawn uniformly."
)
_KEY_HELP = (
    "Fit a model for each value of this column, such as a host, with a threshold of its own. Rows of rare "
    "and new values are scored by a model of all rows. Implies --per COL."
)
_FAST_HELP = (
    "Read only some blocks of TRAIN, drawn at random, with about --rows rows: row groups of Parquet, or "
    "parts of plain CSV and JSON Lines. The sample is not uniform: rows of a block are alike if TRAIN is "
    "sorted, and rare values may be missing."
)
_RECIPE_HELP = (
    "Predefined model: tabular for columns of any kind, tabular_numeric to accept only numbers, embeddings "
    "for vectors from a neural network. [default: tabular]"
)


_FROM_HELP = (
    "Fit like the model OLD: its columns, their kinds, its parameters, the rule of its threshold and its "
    "verdicts, unless options say otherwise."
)
_VERDICTS_HELP = "Learn from these verdicts after the fit, instead of those of OLD. Repeatable."


@click.command("fit")
@click.argument("train")
@model_output_option
@label_options("Column with labels. Fit only on rows labelled as normal; the column is not a feature.")
@click.option("--novelty/--no-novelty", default=None, help=_NOVELTY_HELP)
@click.option(
    "--false-alarm-rate",
    type=Share,
    metavar="R",
    help="Set the threshold so that at most this share of normal rows is flagged. [default with novelty: "
    "0.01, or the lowest rate that the held-out rows can guarantee; else a fence below most scores]",
)
@tail_option
@click.option(
    "--contamination",
    type=Minority,
    metavar="C",
    help="Set the threshold so that this share of TRAIN is flagged.",
)
@click.option("--recipe", metavar="NAME", help=_RECIPE_HELP)
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="COL",
    help="Column that identifies a row; not a feature. Repeatable.",
)
@click.option("--image-size", type=ImageSize(), metavar="HxW", help=_SIZE_HELP)
@click.option("--channels", type=click.Choice([1, 3]), help=_CHANNELS_HELP)
@click.option("--ignore", "ignored", multiple=True, metavar="COL", help="Column to ignore. Repeatable.")
@schema_option
@click.option("--rows", type=click.IntRange(min=20), metavar="N", help=_ROWS_HELP)
@click.option("--per", metavar="COL", help=_PER_HELP)
@click.option("--key", metavar="COL", help=_KEY_HELP)
@click.option("--fast-sample", is_flag=True, help=_FAST_HELP)
@click.option("--from", "old", metavar="OLD", help=_FROM_HELP)
@click.option("--verdicts", multiple=True, metavar="FILE", help=_VERDICTS_HELP)
@click.option("--no-verdicts", is_flag=True, help="Do not learn from the verdicts of OLD.")
@report_option("Also write the page of anomaly-vae report about MODEL, without rows.")
@dialect_options
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
    channels: int | None,
    ignored: tuple[str, ...],
    schema: str | None,
    rows: int | None,
    per: str | None,
    key: str | None,
    fast_sample: bool,
    old: str | None,
    verdicts: tuple[str, ...],
    no_verdicts: bool,
    page: str | None,
    seed: int | None,
    verbose: bool | None,
) -> None:
    """Fit a model on the rows or images of TRAIN.

    For a table, TRAIN is a text file such as CSV, a JSON Lines file or a Parquet file; or a URL, a directory
    or a pattern of such files with the same columns. How the text is
    written (separator, decimal mark, encoding, header, words for missing cells) is found, printed and stored
    in MODEL; if it can be read in two ways, the message names the options to choose from. The kind of each
    column (numbers, booleans, dates or text) is detected from its cells; empty cells, NA, NaN, null and None
    are missing. Columns given by --id and --ignore are not features: rows can be scored without them, and if
    present they are copied to the output like all other columns.

    For images, TRAIN is a folder of PNG, JPEG, WebP, BMP or TIFF images, including its subfolders (in the
    layout of MVTec AD only train/good); a pattern of such files; or an array (.npy, .npz) of shape
    (n, height, width) or (n, height, width, 3). All images have the same size or are resized to
    --image-size. If there are both grey and colour images, grey ones are converted to colour.
    """
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.fit import fit_file, fit_images
    from anomaly_vae_pipelines.scoring.adapters import reads_images

    read = [train, schema or train, ctx.meta.get(CONFIG_FILE, train), old or train, *verdicts]
    check_no_overwriting({"-o": output}, read[:3])
    check_page(page, read, force=force, outputs={"-o": output})
    threshold = only_one(ctx, "false_alarm_rate", "contamination")
    given = {"novelty": novelty, "random_state": seed, "contamination": threshold.get("contamination")}
    parameters = detector_table(ctx) | {k: v for k, v in given.items() if v is not None}
    if old is not None:
        _refit(ctx, train, old, output, {**parameters, "verbose": int(wants_progress(verbose))})
        _report(page, output, force)
        return
    _refuse(ctx, "There is no --from", "verdicts", "no_verdicts")
    defaults = {"random_state": 0, "verbose": int(wants_progress(verbose))}
    arguments: dict[str, Any] = {
        "false_alarm_rate": threshold.get("false_alarm_rate"),
        "tail": tail_of(ctx, tail, threshold),
        "force": force,
        "command": command_line(),
    }
    if reads_images(train):
        _refuse(ctx, "TRAIN contains images", "label", "normal", "page", *_OF_TABLES)
        arguments |= {"image_size": image_size, "channels": channels, "parameters": defaults | parameters}
        _show(fit_images(train, output, **arguments), train)
        return
    _refuse(ctx, "TRAIN is a table", "image_size", "channels")
    arguments |= {"parameters": defaults | {"novelty": label is not None} | parameters}
    if key is not None:
        _refuse(ctx, "A model with --key has many thresholds, and a report needs one", "page")
    said, left_out = given_schema(ctx, schema)
    arguments |= {
        "label": both_of(label, normal),
        "left_out": [*ids, *ignored, *left_out],
        "recipe": recipe or "tabular",
        "given": said,
        "per": per,
        "key": key,
        "fast_sample": fast_sample,
        **({} if rows is None else {"max_rows": rows}),
    }
    _show(fit_file(train, output, **arguments), train)
    _report(page, output, force)


def _report(page: str | None, model: str, force: bool) -> None:
    """Write the page about a model that was fitted, if there is to be one."""
    from anomaly_vae_pipelines.runs.report import report_files
    from anomaly_vae_pipelines.scoring.model_files import open_model

    if page is not None:
        write_page(page, report_files(open_model(model), []), force=force)


def _refit(ctx: click.Context, train: str, old: str, output: str, parameters: dict[str, Any]) -> None:
    """Fit like an earlier model, and print what changed."""
    from anomaly_vae_pipelines.runs.fit import Rule
    from anomaly_vae_pipelines.runs.refit import refit_file

    _refuse(ctx, "--from OLD decides it", *_OF_TABLES, "image_size", "channels")
    options = ctx.params
    rate, share = options["false_alarm_rate"], options["contamination"]
    tail = tail_of(ctx, options["tail"], {"false_alarm_rate": rate} if rate is not None else {})
    chosen = options["verdicts"] or (() if options["no_verdicts"] else None)
    refitted = refit_file(
        train,
        old,
        output,
        label=both_of(options["label"], options["normal"]),
        verdicts=chosen,
        parameters=parameters,
        given=given_dialect(ctx),
        rule=None if rate is None and share is None else Rule(rate, None, tail),
        force=options["force"],
        command=command_line(),
    )
    _show(refitted.summary, train)
    echo_pairs(f"compared with {old}", refitted.changes.items())


def _refuse(ctx: click.Context, why: str, *names: str) -> None:
    """Raise UsageError for options that do not apply to TRAIN."""
    for option in ctx.command.params:
        if option.name in names and ctx.params[str(option.name)]:
            raise click.UsageError(f"{why}; leave out {option.opts[0]}.", ctx)


def _odd(summary: FitSummary, train: str) -> list[tuple[str, str]]:
    """What is odd about columns, in a few lines."""
    n_more = len(summary.odd) - _MOST_ODD
    more = [f"and {n_more:,} more; see anomaly-vae check {train}"] if n_more > 0 else []
    return [("odd", text) for text in [*summary.odd[:_MOST_ODD], *more]]


def _read_blocks(summary: FitSummary) -> list[tuple[str, str]]:
    """Say how much was read, if that is not all rows."""
    if summary.blocks is None:
        return []
    n_read, n_all = summary.blocks
    return [
        (
            "read",
            f"{n_read:,} of {counted(n_all, 'block')}: not a uniform sample; kinds are those of its rows",
        )
    ]


def _show(summary: FitSummary, train: str) -> None:
    if summary.image is not None:
        noun, inputs = "image", ("images", image_text(*summary.image))
    else:
        kinds = ", ".join(f"{count} {kind}" for kind, count in summary.kinds.items())
        noun, inputs = "row", ("columns", f"{sum(summary.kinds.values()):,}: {kinds}")
    pairs = [
        inputs,
        *([("read as", summary.dialect)] if summary.dialect else []),
        *_read_blocks(summary),
        *_odd(summary, train),
        ("held out", f"ELBO {nats(summary.elbo_validation)} per {noun}"),
        ("threshold", threshold_text(summary.offset, summary.false_alarm_rate, summary.tail, summary.n_keys)),
        *actual_rate(summary.false_alarm_rate, summary.false_alarm_interval, summary.n_calibration, noun),
        ("saved to", summary.model),
    ]
    rows = counted(summary.n_rows, noun)
    if summary.n_seen is not None and summary.n_seen > summary.n_rows:
        rows = f"{summary.n_rows:,} of {counted(summary.n_seen, noun)}"
    echo_pairs(f"fitted {rows} in {summary.seconds:.1f} s", pairs)

"""``anomaly-vae score``: how normal is each row, or image, of some files, and what speaks against it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.exit_codes import ALERTED, DONE, say_problems
from anomaly_vae_pipelines.cli.options import (
    Share,
    alert_options,
    only_one,
    output_option,
    tail_of,
    tail_option,
    wants_progress,
)
from anomaly_vae_pipelines.cli.progress import shown_progress
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anomaly_vae.tails import Tail
    from anomaly_vae_pipelines.alerting import Alerter, AlertSummary
    from anomaly_vae_pipelines.records import ScoreSummary
    from anomaly_vae_pipelines.scoring.model_files import OpenedModel

Format = click.Choice(["csv", "jsonl", "parquet"])
Positive = click.FloatRange(0, min_open=True)

_OUT_HELP = "File or URL to write, whole or not at all; - is standard output."
_EXPLAIN_HELP = "Which rows get top_columns: those flagged as anomalies, all (slower to read), or none."
_HEATMAPS_HELP = (
    "Folder for a picture of each flagged image (with --explain all: of each image): heat over grey, a line "
    "where it crosses the model's threshold, and the scale, which is the same for all images of a model."
)
_BAD_ROW_HELP = (
    "What happens to a row that cannot be read: the run ends with its line (error), or the row goes to "
    "OUT.rejected with its line and the reason, and the run goes on (quarantine)."
)
_FDR_HELP = (
    "Instead of the model's threshold: flag the rows of which on average at most this share is normal. INPUT "
    "is read twice."
)
_BUDGET_HELP = (
    "Instead of the model's threshold: flag at most so many normal rows a day, of as many rows as "
    "--rows-per-day says or --time shows."
)
_ALERTS_HELP = "TOML file of rules and sinks: raise alerts about what is in the rows."
_RESUME_HELP = (
    "Keep what is done when a run is interrupted, and go on from there when the command is run again."
)


@click.command("score")
@click.argument("model")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@output_option("OUT", _OUT_HELP)
@click.option(
    "--format", "input_format", type=Format, help="Format of the inputs. [default: by suffix, else csv]"
)
@click.option("--output-format", type=Format, help="Of OUT. [default: by suffix, else csv]")
@click.option(
    "--explain",
    type=click.Choice(["flagged", "all", "none"]),
    default="flagged",
    show_default=True,
    help=_EXPLAIN_HELP,
)
@click.option("--heatmaps", metavar="DIR", help=_HEATMAPS_HELP)
@click.option("--prefix", default="", metavar="P", help="Put P before the names of the four result columns.")
@click.option(
    "--on-bad-row",
    type=click.Choice(["error", "quarantine"]),
    default="error",
    show_default=True,
    help=_BAD_ROW_HELP,
)
@click.option("--rejected", "rejected_to", metavar="FILE", help="Another place for rows to quarantine.")
@click.option(
    "--max-rejected",
    type=click.FloatRange(0, 1),
    default=1.0,
    metavar="R",
    help="Fail, and write no OUT, if more than this share of rows is in quarantine.",
)
@click.option("--fdr", type=Share, metavar="Q", help=_FDR_HELP)
@click.option("--alerts-per-day", type=Positive, metavar="N", help=_BUDGET_HELP)
@click.option("--rows-per-day", type=Positive, metavar="R", help="Rows a day, for --alerts-per-day.")
@click.option("--time", metavar="COL", help="Count the rows a day by this column of times, in a first pass.")
@tail_option
@click.option("--alerts", "rules", metavar="RULES", help=_ALERTS_HELP)
@click.option(
    "--alert-state",
    metavar="FILE",
    help="Where the cool-downs of --alerts are kept from run to run. [default: RULES.state]",
)
@alert_options
@click.option("--fail-on-alert", is_flag=True, help="End with exit code 3 if an alert was raised.")
@click.option("--resume", is_flag=True, help=_RESUME_HELP)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads to work with. [default: as many as there are cores]",
)
@click.option(
    "--verbose/--quiet",
    default=None,
    help="Draw a progress bar on stderr, or say nothing there. [default: a bar on a terminal, else a line "
    "every ten seconds]",
)
def command(
    model: str,
    inputs: tuple[str, ...],
    output: str,
    verbose: bool | None,
    fdr: float | None,
    alerts_per_day: float | None,
    rows_per_day: float | None,
    time: str | None,
    tail: Tail | None,
    rules: str | None,
    alert_state: str | None,
    ids: tuple[str, ...],
    alerts_may_wait: bool,
    fail_on_alert: bool,
    **options: Any,
) -> int:
    """Score the rows, or images, of INPUT with MODEL.

    INPUT is CSV, JSON Lines or Parquet, plain or compressed (.gz, .bz2, .zst): a file, a directory, a
    pattern, a URL such as s3://bucket/key, or - for standard input; several become one OUT. Every column
    is written as it was, in the same order, and after it

    \b
      score        nats; a lower bound on the log probability of the row, higher is more normal
      p_value      share of held-out training rows that score as low; small is anomalous
      is_anomaly   true where the score lies below the model's threshold, else false
      top_columns  what cost the most nats against a typical row, worst first, such as
                   src_bytes:-12.3;count:-5.1 (latent stands for an odd combination of columns)

    From Parquet to Parquet columns keep their types and values. As text (CSV, JSON Lines), dates and times
    are ISO 8601, of a time zone with the offset; spans of time are seconds, bytes base64, lists, structs and
    maps JSON (a map as pairs); infinities and NaN are text in JSON. From text to another format, columns
    that the model reads as numbers are numbers, all others text as it stands, and an empty cell is null.
    Half of a surrogate pair, which UTF-8 has no bytes for, becomes its escape, such as \\ud800.

    INPUT needs the columns that the model was fitted on, in any order, and may have others. Missing
    cells, unseen categories, infinities and numbers as large as 1e300 all get a finite score. What was
    done, row by row accounted for, is in OUT.summary.json.

    A model of images takes folders (of one laid out as MVTec's the images below test), PNG, JPEG, WebP,
    BMP and TIFF files, patterns, and arrays (.npy, .npz). A row of OUT is an image, called by its column
    file, in arrays by file and index. Its score is the log of a p-value, unless the model was fitted for
    the bound on the probability of whole images (score_type = "elbo"); top_columns are places in pixels,
    such as y=40 x=112:-5.3, and shape for the image as a whole.
    """  # noqa: D301 (click wants the control character)
    from anomaly_vae_pipelines.runs.score import ScoreRun
    from anomaly_vae_pipelines.scoring.model_files import open_model
    from anomaly_vae_pipelines.scoring.options import ScoreOptions

    ctx = click.get_current_context()
    threshold = only_one(ctx, "fdr", "alerts_per_day")
    tail = tail_of(ctx, tail, {"alerts_per_day": 0} if alerts_per_day else {})
    days = {"rows_per_day": rows_per_day, "time": time, "tail": tail}
    opened = open_model(model)
    offset = _found_offset(opened, inputs, options, verbose, days, **threshold)
    if rules is None and (ids or alerts_may_wait):
        raise click.UsageError("--id and --alerts-may-wait go with --alerts.")
    alerter = None if rules is None else _alerter(opened, rules, alert_state, output, inputs, offset, ids)
    alerts: list[AlertSummary] = []

    def on_finished(summary: ScoreSummary) -> None:
        _write_summary(summary)
        if alerter is not None:
            alerts.append(alerter.close(warn=False))

    try:
        with shown_progress(verbose, wants_progress(verbose)) as on_progress:
            run = ScoreRun(
                opened,
                inputs,
                output,
                ScoreOptions(**options),
                on_progress=on_progress,
                observer=alerter,
                offset=offset,
                on_finished=on_finished,
            )
            summary = run()
    finally:
        if alerter is not None:
            alerter.release()
    if verbose is not False:
        _show(summary)
    return _end_of_alerts(alerts[0], verbose, alerts_may_wait, fail_on_alert) if alerts else DONE


def _end_of_alerts(alerts: AlertSummary, verbose: bool | None, may_wait: bool, fail_on_alert: bool) -> int:
    """Say what became of the alerts of a run; gives its exit code."""
    if verbose is not False:
        _show_alerts(alerts)
    failed = say_problems(alerts.problems, only_warn=may_wait)
    return failed or (ALERTED if fail_on_alert and alerts.n_alerts else DONE)


def _found_offset(
    opened: OpenedModel,
    inputs: tuple[str, ...],
    options: dict[str, Any],
    verbose: bool | None,
    days: dict[str, Any],
    *,
    fdr: float | None = None,
    alerts_per_day: float | None = None,
) -> float | None:
    """The threshold from a first pass over the inputs, in nats; None for the model's own threshold."""
    from anomaly_vae_pipelines.runs.first_pass import budget_threshold, discovery_threshold

    if alerts_per_day is not None:
        one_of_days = (days["rows_per_day"] is None) != (days["time"] is None)
        if not one_of_days:
            raise click.UsageError("--alerts-per-day goes with one of --rows-per-day and --time.")
        form = options["input_format"]
        return budget_threshold(opened.adapter, inputs, alerts_per_day, input_format=form, **days).offset
    if fdr is None:
        return None
    found = discovery_threshold(
        opened.adapter, inputs, fdr, input_format=options["input_format"], jobs=options["jobs"]
    )
    if found.rate is None and verbose is not False:
        click.echo(
            f"no row is flagged at a false-discovery rate of {fdr:g}: of {found.n_rows:,} rows at least "
            f"{found.least:,} would have to score below every held-out row",
            err=True,
        )
    return found.offset


def _alerter(
    opened: OpenedModel,
    rules: str,
    state: str | None,
    output: str,
    inputs: Sequence[str],
    offset: float | None,
    ids: tuple[str, ...],
) -> Alerter:
    """Rules and sinks, with what was remembered from the last run; ``offset`` is that of this run if any."""
    from pathlib import Path

    from anomaly_vae.errors import InputError
    from anomaly_vae_pipelines.alerting import load_alerter
    from anomaly_vae_pipelines.io.files import expand_folders
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting

    state = state or rules + ".state"
    read = [opened.path, rules, *expand_folders(inputs)]
    check_no_overwriting({"-o": output, "--alert-state": state}, read)
    detector = opened.detector
    own = detector.offset_ if offset is None else offset
    alerter = load_alerter(
        rules,
        state=Path(state),
        calibration_scores=detector.calibration_scores_,
        # A run that makes no discovery has no threshold, which is not a fault of the rules.
        offset=own if offset is None or math.isfinite(own) else None,
        ids=ids,
    )
    try:
        check_no_overwriting({"-o": output, "--alert-state": state} | alerter.files, read)
        if alerter.prints and output == "-":
            raise InputError(f"{rules}: a sink writes to standard output, and so does -o -; give one a file")
    except InputError:
        alerter.release()
        raise
    return alerter


def _show_alerts(alerts: AlertSummary) -> None:
    parts = [
        f"{counted(alerts.n_alerts, 'alert')}",
        f"{alerts.n_suppressed:,} more in their cool-down",
        f"{sum(alerts.n_delivered.values()):,} delivered",
    ]
    if waiting := sum(alerts.n_spooled.values()):
        parts.append(f"{waiting:,} waiting for a sink")
    if refused := sum(alerts.n_refused.values()):
        parts.append(f"{refused:,} refused")
    click.echo(", ".join(parts), err=True)


def _show(summary: ScoreSummary) -> None:
    flagged = counted(summary.n_anomalies, "anomaly").replace("anomalys", "anomalies")
    speed = f"{summary.seconds:.1f} s, {summary.rows_per_second:,.0f} rows/s"
    if summary.rejected_to is None:
        click.echo(f"{counted(summary.n_rows, 'row')}, {flagged}, {speed}", err=True)
        return
    reasons = ", ".join(f"{count:,} {kind}" for kind, count in summary.rejected.items())
    click.echo(
        f"{counted(summary.n_rows, 'row')}: {summary.n_scored:,} scored, {flagged}; "
        f"{summary.n_rejected:,} rejected ({reasons}), see {summary.rejected_to}; {speed}",
        err=True,
    )


def _write_summary(summary: ScoreSummary) -> None:
    """The account of a run, beside its output if that is a file."""
    from anomaly_vae_pipelines.io.files import replacing
    from anomaly_vae_pipelines.runs.score import summary_path

    path = summary_path(summary.output)
    if path is None:
        return
    derived = {"alert_rate": summary.alert_rate, "rows_per_second": round(summary.rows_per_second)}
    fields = asdict(summary) | derived
    with replacing(path, force=True) as temporary:
        temporary.write_text(json.dumps(_finite(fields), indent=2) + "\n", encoding="utf-8")


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with null for quantiles of no scores, and for a threshold that flags none."""
    quantiles = {name: _or_null(value) for name, value in fields["quantiles"].items()}
    return fields | {"quantiles": quantiles, "threshold": _or_null(fields["threshold"])}


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""``anomaly-vae score``: scores the rows or images of files."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.exit_codes import ALERTED, DONE, report_problems
from anomaly_vae_pipelines.cli.options import (
    Format,
    OutputFormat,
    Positive,
    Share,
    alert_options,
    only_one,
    output_option,
    refuse_together,
    wants_progress,
)
from anomaly_vae_pipelines.cli.pages import check_page, report_option, write_page
from anomaly_vae_pipelines.cli.progress import shown_progress
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.alerting import AlertSummary
    from anomaly_vae_pipelines.records import ScoreSummary
    from anomaly_vae_pipelines.runs.first_pass import FoundThreshold
    from anomaly_vae_pipelines.scoring.model_files import OpenedModel

_HEATMAPS_HELP = (
    "Folder for heat maps of flagged images (with --explain all: of all images). Each shows the heat over "
    "the grey image, a contour at the threshold of the model, and the colour scale, which is the same for "
    "all images of a model."
)
_BAD_ROW_HELP = (
    "What to do with a row that cannot be read: stop and report its line (error), or write it with its line "
    "and the reason to OUT.rejected and continue (quarantine)."
)
_FDR_HELP = (
    "Replace the threshold of the model by a false-discovery rate: on average at most this share of the "
    "flagged rows is normal. Reads INPUT twice."
)
_BUDGET_HELP = (
    "Replace the threshold of the model: flag at most this many normal rows per day. Needs --rows-per-day or "
    "--time."
)
_TIME_HELP = (
    "Column of times: for --alerts-per-day the rows per day are measured from it, which reads INPUT twice; "
    "with --report severity is shown over it."
)
_TAIL_HELP = (
    "p-values of rows that score below all held-out rows: all have the lowest one (empirical), or they are "
    "estimated from a generalised Pareto tail of the scores, without a guarantee (gpd). With gpd, --fdr and "
    "--alerts-per-day may be lower than the held-out rows can guarantee. [default: empirical]"
)
_ALERTS_HELP = "TOML file of rules and sinks: raise alerts about the rows."
_ENGINE_HELP = (
    "Where to score: in this process, or in Ray tasks, one per input. With ray, OUT is a directory, which "
    "holds a file per input and _summary.json. [default: local]"
)
_NOT_ON_RAY = (
    "heatmaps", "rejected_to", "fdr", "alerts_per_day", "rows_per_day", "time", "rules", "alert_state", "ids",
    "alerts_may_wait", "fail_on_alert", "jobs", "page",
)  # fmt: skip
_NOT_WITH_REPORT = ("fdr", "alerts_per_day", "rows_per_day", "resume")
_REPORT_HELP = (
    "Also write the page of anomaly-vae report about these rows, from the same pass over them; with --time "
    "it shows severity over time."
)
_RESUME_HELP = (
    "Keep the progress if the run is interrupted, and continue from there when the command is run again."
)


@click.command("score")
@click.argument("model")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@output_option("OUT", "File or URL to write; - is standard output.")
@click.option(
    "--format", "input_format", type=Format, help="Format of the inputs. [default: by suffix, else csv]"
)
@click.option("--output-format", type=OutputFormat, help="Format of OUT. [default: by suffix, else csv]")
@click.option(
    "--explain",
    type=click.Choice(["flagged", "all", "none"]),
    default="flagged",
    show_default=True,
    help="Which rows get top_columns: flagged rows, all rows, or none.",
)
@click.option("--heatmaps", metavar="DIR", help=_HEATMAPS_HELP)
@click.option("--prefix", default="", metavar="P", help="Prefix of the names of the five result columns.")
@click.option(
    "--on-bad-row",
    type=click.Choice(["error", "quarantine"]),
    default="error",
    show_default=True,
    help=_BAD_ROW_HELP,
)
@click.option(
    "--rejected",
    "rejected_to",
    metavar="FILE",
    help="File for rejected rows, with --on-bad-row quarantine. [default: OUT.rejected]",
)
@click.option(
    "--max-rejected",
    type=click.FloatRange(0, 1),
    default=1.0,
    metavar="R",
    help="Fail and write no OUT if more than this share of the rows is rejected.",
)
@click.option("--fdr", type=Share, metavar="Q", help=_FDR_HELP)
@click.option("--alerts-per-day", type=Positive, metavar="N", help=_BUDGET_HELP)
@click.option("--rows-per-day", type=Positive, metavar="R", help="Rows per day, for --alerts-per-day.")
@click.option("--time", metavar="COL", help=_TIME_HELP)
@click.option("--tail", type=click.Choice(["empirical", "gpd"]), default="empirical", help=_TAIL_HELP)
@click.option("--alerts", "rules", metavar="RULES", help=_ALERTS_HELP)
@click.option(
    "--alert-state",
    metavar="FILE",
    help="File that stores the cool-downs of --alerts between runs. [default: RULES.state]",
)
@report_option(_REPORT_HELP)
@dialect_options
@alert_options
@click.option("--fail-on-alert", is_flag=True, help="End with exit code 3 if an alert was raised.")
@click.option("--resume", is_flag=True, help=_RESUME_HELP)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads. [default: one per core]",
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help=_ENGINE_HELP)
@click.option(
    "--address", metavar="URL", help="Address of a Ray cluster. [default: a cluster on this machine]"
)
@click.option(
    "--verbose/--quiet",
    default=None,
    help="Show a progress bar on stderr, or print nothing but errors. [default: a bar on a terminal, else a "
    "line every ten seconds]",
)
def command(
    model: str,
    inputs: tuple[str, ...],
    output: str,
    verbose: bool | None,
    rules: str | None,
    alert_state: str | None,
    ids: tuple[str, ...],
    alerts_may_wait: bool,
    fail_on_alert: bool,
    page: str | None,
    **_: Any,
) -> int:
    """Score the rows or images of INPUT with MODEL.

    INPUT is a CSV, JSON Lines or Parquet file, which may be compressed (.gz, .bz2, .zst); a directory or a
    pattern of such files; a URL such as s3://bucket/key; or - for standard input. Several inputs are written
    to one OUT. OUT has all columns of INPUT, unchanged and in the same order, followed by

    \b
      score        lower bound on the log probability of the row in nats; higher is more normal
      p_value      share of held-out training rows with a score as low; small is anomalous (--tail gpd
                   estimates it for rows that score below all of them)
      severity     -10 log10 of an estimated p-value, 0 to 100: 20 is one in a hundred normal rows, 50
                   one in a hundred thousand; it ranks rows with the same p_value
      is_anomaly   true if the score is below the threshold, else false
      top_columns  columns that lower the score most compared with a typical row, worst first, in nats
                   and in percent of what all columns lower it: src_bytes:-12.3 (61 %);count:-5.1 (25 %)
                   (latent: an unusual combination of columns; verdicts: like rows that were judged;
                   a value that training never saw is named: ver:-9.1 (48 %, value 'v9' was never seen))

    INPUT must have the columns that the model was fitted on, in any order, and may have others. Missing
    cells, unseen categories, infinities and numbers as large as 1e300 get a finite score. The counts of the
    run are written to OUT.summary.json.

    Parquet to Parquet keeps all types and values. In text formats (CSV, JSON Lines), dates and times are
    ISO 8601, with the offset if there is a time zone; durations are seconds; bytes are base64; lists,
    structs and maps are JSON (a map is a list of pairs); infinities and NaN are text in JSON. From text to
    another format, columns that the model reads as numbers become numbers, all others stay text, and empty
    cells become null. An unpaired surrogate, which UTF-8 cannot encode, becomes its escape, such as \\ud800.

    An image model reads PNG, JPEG, WebP, BMP and TIFF files, folders of them (in the layout of MVTec AD the
    images below test), patterns, and arrays (.npy, .npz). Each image is a row of OUT; the column file
    identifies it, in arrays together with the column index. Its score is the log of a p-value, or the bound
    on the log probability of the whole image if the model has score_type = "elbo". top_columns are positions
    in pixels, such as y=40 x=112:-5.3 (70 %), and shape for the image as a whole.
    """  # noqa: D301 (click wants the control character)
    from anomaly_vae_pipelines.runs.report import Report
    from anomaly_vae_pipelines.runs.score import ScoreRun
    from anomaly_vae_pipelines.runs.summary import write_summary
    from anomaly_vae_pipelines.scoring.model_files import open_model
    from anomaly_vae_pipelines.scoring.options import ScoreOptions

    ctx = click.get_current_context()
    if ctx.params["engine"] == "ray":
        return _score_on_ray(ctx, model, inputs, output, verbose)
    if ctx.params["address"] is not None:
        raise click.UsageError("--address needs --engine ray.")
    threshold = only_one(ctx, "fdr", "alerts_per_day")
    _check_report(ctx, page)
    opened = open_model(model, given_dialect(click.get_current_context()))
    report = None if page is None else Report(opened, inputs, time=ctx.params["time"])
    offset = _find_offset(opened, ctx.params, **threshold)
    if rules is None and (ids or alerts_may_wait):
        raise click.UsageError("--id and --alerts-may-wait need --alerts.")
    alerter = None
    if rules is not None:
        from anomaly_vae_pipelines.runs.alerter import alerter_of_run

        alerter = alerter_of_run(
            opened, rules, inputs, output, state=alert_state or f"{rules}.state", offset=offset, ids=ids
        )
    alerts: list[AlertSummary] = []

    def on_finished(summary: ScoreSummary) -> None:
        write_summary(summary)
        if alerter is not None:
            alerts.append(alerter.close(warn=False))

    try:
        with shown_progress(verbose, wants_progress(verbose)) as on_progress:
            run = ScoreRun(
                opened,
                inputs,
                output,
                ScoreOptions(**{field.name: ctx.params[field.name] for field in fields(ScoreOptions)}),
                on_progress=on_progress,
                observer=alerter,
                report=report,
                offset=offset,
                on_finished=on_finished,
            )
            summary = run()
    finally:
        if alerter is not None:
            alerter.release()
    if page is not None and report is not None:
        write_page(page, report.content(n_rejected=summary.n_rejected), force=ctx.params["force"])
    if verbose is not False:
        _show(summary)
    return _report_alerts(alerts[0], verbose, alerts_may_wait, fail_on_alert) if alerts else DONE


def _check_report(ctx: click.Context, page: str | None) -> None:
    """Raise UsageError or InputError for options and files that cannot go together with --report."""
    from anomaly_vae_pipelines.io.files import expand_folders
    from anomaly_vae_pipelines.runs.summary import summary_path

    if page is None:
        return
    refuse_together(ctx, _NOT_WITH_REPORT, "--report")
    if ctx.params["explain"] == "none":
        raise click.UsageError("--report shows reasons; leave out --explain none.", ctx)
    output = ctx.params["output"]
    outputs = {
        "-o": output,
        "--rejected": ctx.params["rejected_to"] or f"{output}.rejected",
        "summary to": summary_path(output),
        "--alert-state": ctx.params["alert_state"],
    }
    read = [ctx.params["model"], *expand_folders(ctx.params["inputs"])]
    read += [ctx.params["rules"]] * (ctx.params["rules"] is not None)
    check_page(page, read, force=ctx.params["force"], outputs=outputs)


def _score_on_ray(
    ctx: click.Context, model: str, inputs: tuple[str, ...], output: str, verbose: bool | None
) -> int:
    """Score each input to a file in a directory, on the workers of Ray."""
    from anomaly_vae_pipelines.engines.ray import on_ray, require_ray
    from anomaly_vae_pipelines.runs.parts import PartsRun
    from anomaly_vae_pipelines.scoring.model_files import model_content, open_content
    from anomaly_vae_pipelines.scoring.options import ScoreOptions

    refuse_together(ctx, _NOT_ON_RAY, "--engine ray")
    require_ray()
    content = model_content(model)
    options = ScoreOptions(**{field.name: ctx.params[field.name] for field in fields(ScoreOptions)})
    with shown_progress(verbose, wants_progress(verbose)) as on_progress:
        run = PartsRun(
            open_content(content, given_dialect(ctx)),
            content,
            inputs,
            output,
            options,
            partial(on_ray, address=ctx.params["address"]),
            on_progress,
        )
        summary = run()
    if verbose is not False:
        _show(summary)
    return DONE


def _report_alerts(alerts: AlertSummary, verbose: bool | None, may_wait: bool, fail_on_alert: bool) -> int:
    """Print counts and problems of the alerts of a run; returns the exit code."""
    if verbose is not False:
        _show_alerts(alerts)
    failed = report_problems(alerts.problems, only_warn=may_wait)
    return failed or (ALERTED if fail_on_alert and alerts.n_alerts else DONE)


def _find_offset(
    opened: OpenedModel,
    given: dict[str, Any],
    *,
    fdr: float | None = None,
    alerts_per_day: float | None = None,
) -> float | None:
    """Find the threshold in a first pass over the inputs, in nats; None for the threshold of the model."""
    from anomaly_vae_pipelines.runs.first_pass import budget_threshold, discovery_threshold

    inputs, input_format = given["inputs"], given["input_format"]
    if alerts_per_day is not None:
        if (given["rows_per_day"] is None) == (given["time"] is None):
            raise click.UsageError("--alerts-per-day needs one of --rows-per-day and --time.")
        budget = {name: given[name] for name in ("rows_per_day", "time", "tail", "input_format")}
        return budget_threshold(opened.adapter, inputs, alerts_per_day, **budget).offset
    if fdr is None:
        return None
    read = {"input_format": input_format, "jobs": given["jobs"], "tail": given["tail"]}
    found = discovery_threshold(opened.adapter, inputs, fdr, **read)
    if found.rate is None and given["verbose"] is not False:
        click.echo(f"no row is flagged at a false-discovery rate of {fdr:g}: {_too_few(found)}", err=True)
    return found.offset


def _too_few(found: FoundThreshold) -> str:
    """Why no row is flagged at a false-discovery rate."""
    if found.least is None:
        return f"the p-values of {found.n_rows:,} rows are too high"
    return (
        f"at least {found.least:,} of {found.n_rows:,} rows would have to score below all held-out rows, or "
        f"estimate p-values with --tail gpd"
    )


def _show_alerts(alerts: AlertSummary) -> None:
    parts = [
        f"{counted(alerts.n_alerts, 'alert')}",
        f"{alerts.n_suppressed:,} suppressed by a cool-down",
        f"{sum(alerts.n_delivered.values()):,} delivered",
    ]
    if alerts.n_silenced:
        parts.insert(2, f"{alerts.n_silenced:,} silenced")
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

"""``anomaly-vae watch``: alerts about a file that grows, or a directory that receives files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.exit_codes import say_problems
from anomaly_vae_pipelines.cli.options import alert_options
from anomaly_vae_pipelines.cli.printing import printable
from anomaly_vae_pipelines.cli.score import Format
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.alerting import Alerter
    from anomaly_vae_pipelines.records import Rejected
    from anomaly_vae_pipelines.runs.watch import Watcher


@click.command("watch")
@click.argument("model")
@click.argument("source")
@click.option("--alerts", "rules", required=True, metavar="RULES", help="TOML file of rules and sinks.")
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="Where the place is kept that reading has come to. [default: .SOURCE.watch, beside SOURCE]",
)
@click.option("--format", "given_format", type=Format, help="Of the files. [default: by suffix, else csv]")
@click.option("--rejected", metavar="FILE", help="Append rows that cannot be read to this CSV file.")
@click.option(
    "--interval",
    type=click.FloatRange(0.01),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between two looks.",
)
@alert_options
@click.option("--once", is_flag=True, help="End when all that is there has been read.")
@click.option("--quiet", is_flag=True, help="Say only what is wrong.")
def command(
    model: str,
    source: str,
    rules: str,
    checkpoint: str | None,
    given_format: str | None,
    rejected: str | None,
    interval: float,
    ids: tuple[str, ...],
    alerts_may_wait: bool,
    once: bool,
    quiet: bool,
) -> int:
    """Raise alerts about what comes into SOURCE.

    Its rows are scored with MODEL and judged by RULES. SOURCE is a file that grows (it may be rotated,
    cut, or not be there yet) or a directory that receives files. What was rotated since the last look, also
    while no watch was running, is read to its end, oldest first: SOURCE of the name app.csv is looked for
    as app.csv.1, app.csv-20261126, app-2026-11-26.csv and the like, plain or compressed; a file that is not
    found is reported. Only whole lines are read; a compressed
    or Parquet file is read when it no longer changes, and so is an image, of which a model of images takes
    all that come anywhere below SOURCE. The place is kept after every block of rows: a
    restart neither skips nor repeats one. Rows that cannot be read are counted, and said once a block.
    """
    from anomaly_vae_pipelines.alerting import load_alerter
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting, check_not_read_back
    from anomaly_vae_pipelines.runs.watch import Watcher, default_checkpoint
    from anomaly_vae_pipelines.scoring.model_files import open_model
    from anomaly_vae_pipelines.sources.opening import TABLE_SUFFIXES

    place = Path(checkpoint) if checkpoint else default_checkpoint(source)
    outputs = {"--checkpoint": str(place), "--rejected": rejected}
    read = [model, rules, source]
    check_no_overwriting(outputs, read)
    for name, path in outputs.items():
        check_not_read_back(name, path, Path(source), TABLE_SUFFIXES)
    adapter = open_model(model).adapter
    scorer = adapter.scorer(expected=True)
    alerter = load_alerter(
        rules,
        calibration_scores=scorer.detector.calibration_scores_,
        offset=scorer.offset,
        beside=place,
        ids=ids,
    )
    try:
        check_no_overwriting(outputs | alerter.files, read)
        watcher = Watcher(
            scorer,
            source,
            alerter,
            place,
            on_rejected=_Rejections(rejected),
            on_trouble=_say,
            arrivals=adapter.arrivals(Path(source), given_format),
        )
        try:
            _look(watcher, alerter, interval, once, quiet)
            watcher.save()
        finally:
            # After an error or a signal the last checkpoint stands: rows that were seen since are seen again.
            failed = say_problems(alerter.close(ended=False, warn=False).problems, only_warn=alerts_may_wait)
    finally:
        alerter.release()
    if not quiet:
        counts = watcher.counts
        lost = f", {counted(counts.n_lost, 'file')} lost before its end" if counts.n_lost else ""
        _say(f"{counted(counts.n_rows, 'row')}, {counts.n_anomalies:,} anomalous{lost}")
    return failed


def _look(watcher: Watcher, alerter: Alerter, interval: float, once: bool, quiet: bool) -> None:
    """Look again and again; with ``once``, until two looks see nothing new."""
    n_idle = 0
    while not (once and n_idle == 2):
        n_rows = watcher.poll()
        if alerter.tick():
            watcher.save()
        n_idle = 0 if n_rows or watcher.is_waiting else n_idle + 1
        if n_rows and not quiet:
            _say(f"{counted(n_rows, 'row')} more")
        time.sleep(interval)


class _Rejections:
    """Says how many rows cannot be read and what is wrong with the first; keeps them if there is a file."""

    def __init__(self, path: str | None) -> None:
        from anomaly_vae_pipelines.sinks.rejected import RejectedLog

        self._log = None if path is None else RejectedLog(path)

    def __call__(self, rows: list[Rejected]) -> None:
        first = rows[0]
        where = "" if first.line is None else f", the first on line {first.line}"
        _say(f"{first.source}: {counted(len(rows), 'row')} rejected{where}: {first.reason}")
        if self._log is not None:
            self._log.append(rows)


def _say(text: str) -> None:
    click.echo(printable(text), err=True)

"""``anomaly-vae watch``: raises alerts about rows as they come, in a file, a directory or a Kafka topic."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.exit_codes import report_problems
from anomaly_vae_pipelines.cli.kafka_options import Topic, kafka_options, topic_of
from anomaly_vae_pipelines.cli.options import Format, alert_options
from anomaly_vae_pipelines.cli.printing import printable
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.alerting import Alerter
    from anomaly_vae_pipelines.records import Rejected
    from anomaly_vae_pipelines.runs.observing import Observing
    from anomaly_vae_pipelines.runs.watch import Watcher
    from anomaly_vae_pipelines.runs.watch_topic import TopicWatcher
    from anomaly_vae_pipelines.scoring.adapters import Adapter


@click.command("watch")
@click.argument("model")
@click.argument("source")
@click.option("--alerts", "rules", required=True, metavar="RULES", help="TOML file of rules and sinks.")
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="File that stores the read positions and the state of the rules. [default: .SOURCE.watch, next to "
    "SOURCE; .TOPIC.watch in the current folder]",
)
@click.option(
    "--format", "given_format", type=Format, help="Format of the files. [default: by suffix, else csv]"
)
@click.option("--rejected", metavar="FILE", help="CSV file to which rows that cannot be read are appended.")
@click.option(
    "--interval",
    type=click.FloatRange(0.01),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between polls.",
)
@kafka_options
@dialect_options
@alert_options
@click.option("--once", is_flag=True, help="Exit when all existing rows have been read.")
@click.option("--quiet", is_flag=True, help="Print only errors and warnings.")
def command(
    model: str,
    source: str,
    rules: str,
    checkpoint: str | None,
    given_format: str | None,
    rejected: str | None,
    interval: float,
    group: str | None,
    kafka_config: str | None,
    key_column: str | None,
    ids: tuple[str, ...],
    alerts_may_wait: bool,
    once: bool,
    quiet: bool,
) -> int:
    """Raise alerts about rows as they are added to SOURCE.

    New rows are scored with MODEL and checked against RULES. SOURCE is a file that grows (it may be rotated
    or truncated, and may not exist yet), a directory that receives files, or a Kafka topic.

    Only complete lines are read. A compressed file, a Parquet file or an image is read when it no longer
    changes. An image model reads all images in SOURCE and its subfolders. Rows that cannot be read are
    counted and reported once per block.

    Files that were rotated since the last poll, even while no watch was running, are read to their end,
    oldest first. For SOURCE app.csv these are app.csv.1, app.csv-20261126, app-2026-11-26.csv and similar
    names, plain or compressed. A rotated file that cannot be found is reported. The read positions are saved
    after every block of rows, so that a restart neither skips nor repeats rows.

    A topic is kafka://HOST:PORT,HOST:PORT/TOPIC, and needs --group and the extra "kafka". Each message is a
    row as a JSON object. Offsets are committed once the alerts of their rows are on disk: after a crash no
    row is skipped, but the last ones may be scored again.
    """
    from anomaly_vae_pipelines.alerting import load_alerter
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting, check_not_read_back
    from anomaly_vae_pipelines.runs.alerter import calibration_of
    from anomaly_vae_pipelines.runs.observing import Observing
    from anomaly_vae_pipelines.scoring.model_files import open_model
    from anomaly_vae_pipelines.sources.opening import TABLE_SUFFIXES

    topic = topic_of(click.get_current_context(), source)
    checkpoint_path = Path(checkpoint) if checkpoint else _default_checkpoint(source, topic)
    outputs = {"--checkpoint": str(checkpoint_path), "--rejected": rejected}
    read = [model, rules, *([kafka_config] if kafka_config else []), *([] if topic else [source])]
    check_no_overwriting(outputs, read)
    for name, path in outputs.items() if topic is None else ():
        check_not_read_back(name, path, Path(source), TABLE_SUFFIXES)
    adapter = open_model(model, given_dialect(click.get_current_context())).adapter
    known = calibration_of(adapter.detector)
    alerter = load_alerter(rules, beside=checkpoint_path, ids=ids, **known)
    try:
        check_no_overwriting(outputs | alerter.files, read)
        observing = Observing(
            adapter.scorer(expected=True, reference=alerter.calibration_rows),
            alerter,
            checkpoint_path,
            on_rejected=_RejectedRows(rejected),
            on_trouble=_print,
        )
        watcher: Watcher | TopicWatcher
        if topic is None:
            watcher = _file_watcher(observing, adapter, source, given_format)
        else:
            watcher = _topic_watcher(observing, adapter, topic, interval)
        try:
            with closing(watcher):
                _poll_loop(watcher, alerter, interval, once, quiet)
                watcher.save()
        finally:
            # After an error or a signal the last checkpoint remains: the rows after it are read again.
            failed = report_problems(
                alerter.close(ended=False, warn=False).problems, only_warn=alerts_may_wait
            )
    finally:
        alerter.release()
    if not quiet:
        counts = observing.counts
        lost = f", {counted(watcher.n_lost, 'file')} not read to the end" if watcher.n_lost else ""
        _print(f"{counted(counts.n_rows, 'row')}, {counts.n_anomalies:,} anomalous{lost}")
    return failed


def _default_checkpoint(source: str, topic: Topic | None) -> Path:
    from anomaly_vae_pipelines.runs import watch, watch_topic

    return (
        watch.default_checkpoint(source) if topic is None else watch_topic.default_checkpoint(topic.address)
    )


def _file_watcher(observing: Observing, adapter: Adapter, source: str, given_format: str | None) -> Watcher:
    from anomaly_vae_pipelines.runs.watch import Watcher

    return Watcher(observing, source, adapter.arrivals(Path(source), given_format))


def _topic_watcher(observing: Observing, adapter: Adapter, topic: Topic, interval: float) -> TopicWatcher:
    from anomaly_vae_pipelines.io.kafka.consumer import TopicConsumer
    from anomaly_vae_pipelines.runs.watch_topic import TopicWatcher

    messages = adapter.messages()
    consumer = TopicConsumer(topic.address, topic.settings, _print)
    return TopicWatcher(observing, consumer, messages, key_column=topic.key_column, interval=interval)


def _poll_loop(
    watcher: Watcher | TopicWatcher, alerter: Alerter, interval: float, once: bool, quiet: bool
) -> None:
    """Poll forever; with ``once``, until two polls find no new rows."""
    n_idle = 0
    while not (once and n_idle == 2):
        n_rows = watcher.poll()
        if alerter.tick():
            watcher.save()
        n_idle = 0 if n_rows or watcher.is_waiting else n_idle + 1
        if n_rows and not quiet:
            _print(counted(n_rows, "new row"))
        watcher.wait(interval)


_PLACES = {"line": "on line", "offset": "at offset"}


class _RejectedRows:
    """Prints the number of rejected rows and the first reason; appends the rows to an optional file."""

    def __init__(self, path: str | None) -> None:
        from anomaly_vae_pipelines.sinks.rejected import RejectedLog

        self._log = None if path is None else RejectedLog(path)

    def __call__(self, rows: list[Rejected]) -> None:
        first = rows[0]
        where = "" if first.line is None else f", the first {_PLACES[first.unit]} {first.line}"
        _print(f"{first.source}: {counted(len(rows), 'row')} rejected{where}: {first.reason}")
        if self._log is not None:
            self._log.append(rows)


def _print(text: str) -> None:
    click.echo(printable(text), err=True)

"""``anomaly-vae demo``: fits and scores real data in a few seconds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.charts import score_pairs
from anomaly_vae_pipelines.cli.options import progress_option, wants_progress
from anomaly_vae_pipelines.cli.printing import echo_rich, nats, threshold_text

if TYPE_CHECKING:
    from rich.table import Table

    from anomaly_vae_pipelines.reasons import Reason
    from anomaly_vae_pipelines.runs.demo import Demo, DemoAnomaly

LABEL_NAMES = {"normal": "benign", "anomalous": "malignant"}
"""The names of the rows in the data of the demo."""


@click.command("demo")
@click.option("--out", metavar="DIR", help="Directory for the files. [default: a new temporary one]")
@click.option("--force", is_flag=True, help="Replace the demo's files if they exist.")
@progress_option
def command(out: str | None, force: bool, verbose: bool | None) -> None:
    """Try fit, score and evaluate on real data, in a few seconds.

    Fits a model on the benign breast tumours of one half of a data set, and shows the most anomalous tumours
    of the other half. Writes train.csv, test.csv, model.avae and scored.csv, and prints the equivalent
    commands.
    """
    import tempfile
    from pathlib import Path

    from anomaly_vae_pipelines.runs.demo import run_demo

    directory = Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="anomaly-vae-demo-"))
    directory.mkdir(parents=True, exist_ok=True)
    demo = run_demo(directory, verbose=int(wants_progress(verbose)), force=force)
    _show(demo)


def _show(demo: Demo) -> None:
    click.echo("569 breast tumours from scikit-learn: fit on benign ones, and detect the others.\n")
    click.echo(_shell(f"cd {shlex.quote(demo.directory)}"))
    for line, result in zip(demo.commands, _results(demo), strict=True):
        click.echo(f"{_shell(line)}\n  {result}\n")
    peers = ", ".join(f"{name} {auroc:.3f}" for name, auroc in demo.peers.items())
    click.echo(f"Detectors of scikit-learn, fitted on the same rows, have AUROC: {peers}.")
    click.echo("On a few hundred rows such differences are small; the README compares many tables.\n")
    echo_rich(_table(demo.anomalies))
    click.echo("To score rows in a browser or over HTTP (pip install 'anomaly-vae[serve]'):")
    click.echo(_shell(demo.next))


def _shell(line: str) -> str:
    """Format a command as in a shell."""
    return click.style(f"$ {line}", bold=True)


def _results(demo: Demo) -> tuple[str, str, str]:
    """What each command found."""
    fit, e = demo.fit, demo.evaluation
    pairs = [(LABEL_NAMES.get(name, name), text) for name, text in score_pairs(e.histogram)]
    charts = "\n".join(f"  {name:<9}  {text}" for name, text in pairs)
    size = f"{fit.n_rows} benign rows, {sum(fit.kinds.values())} columns, {fit.seconds:.1f} s"
    return (
        f"{size}, threshold {threshold_text(fit.offset, None, None)}",
        f"{demo.score.n_rows} rows, {demo.score.n_anomalies} of them anomalous",
        f"AUROC {e.auroc:.3f}, average precision {e.average_precision:.3f}, recall {e.recall:.3f}\n" + charts,
    )


def _table(anomalies: Sequence[DemoAnomaly]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="The most anomalous rows, with reasons", box=SIMPLE_HEAD)
    table.title_justify, table.title_style = "left", "bold"
    for header in ("row", "column"):
        table.add_column(header, no_wrap=True)
    for header in ("nats", "share", "observed", "expected"):
        table.add_column(header, justify="right", no_wrap=True)
    for anomaly in anomalies:
        severity = f"severity {anomaly.severity:.0f}"
        cells = f"[bold]patient {anomaly.name}[/bold]", anomaly.truth, nats(anomaly.score), severity
        for row, reason in zip_longest(cells, anomaly.reasons):
            table.add_row(row, *_reason_cells(reason))
        table.add_section()
    return table


def _reason_cells(reason: Reason | None) -> tuple[str, ...]:
    if reason is None:
        return ("",) * 5
    cost = f"[red]{reason.nats:.1f}[/red]"
    return reason.column, cost, reason.percent, reason.observed or "", reason.expected or ""

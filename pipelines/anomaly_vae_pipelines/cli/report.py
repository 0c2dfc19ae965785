"""``anomaly-vae report``: writes a page about a model and what it finds in data."""

from __future__ import annotations

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.options import both_of, json_option, label_options, output_option
from anomaly_vae_pipelines.cli.pages import check_page, numbers_of, write_page
from anomaly_vae_pipelines.cli.printing import echo_json, printable

_PEERS_HELP = (
    "Also fit an isolation forest and nearest neighbours of scikit-learn on at most 10,000 of the rows, "
    "drawn at random, and compare their scores of these rows with those of MODEL."
)


@click.command("report")
@click.argument("model")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@output_option("OUT", "HTML file to write.")
@label_options("Column with the true labels of the rows.")
@click.option("--time", metavar="COL", help="Column of times (ISO 8601 or seconds): show severity over time.")
@click.option("--peers", is_flag=True, help=_PEERS_HELP)
@dialect_options
@json_option
def command(
    model: str,
    inputs: tuple[str, ...],
    output: str,
    force: bool,
    label: str | None,
    normal: str | None,
    time: str | None,
    peers: bool,
    as_json: bool,
) -> None:
    """Write an HTML page about MODEL and what it finds.

    The page shows what the model learned, its threshold and how sure it is. With INPUT it also shows which
    rows are anomalies and why, groups of alike anomalies, severity over the rows, columns that drifted, and
    what other thresholds would do. Of images it shows the worst beside their heat. It is one file that loads
    nothing else. --json prints all of its numbers.
    """
    from anomaly_vae_pipelines.runs.report import report_files
    from anomaly_vae_pipelines.scoring.model_files import open_model

    wanted = both_of(label, normal)
    if not inputs and (wanted is not None or time is not None or peers):
        raise click.UsageError("--label, --time and --peers need INPUT.", click.get_current_context())
    check_page(output, [model, *inputs], force=force, option="-o")
    opened = open_model(model, given_dialect(click.get_current_context()))
    content = report_files(opened, inputs, wanted, time, peers=peers)
    write_page(output, content, force=force)
    if as_json:
        echo_json(numbers_of(content))
    else:
        click.echo(printable(f"wrote {output}"))

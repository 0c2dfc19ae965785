"""``anomaly-vae check``: shows how the columns of a file are read, and what is odd about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_schema, schema_option
from anomaly_vae_pipelines.cli.exit_codes import DONE
from anomaly_vae_pipelines.cli.options import json_option
from anomaly_vae_pipelines.cli.pages import write_text
from anomaly_vae_pipelines.cli.printing import echo_json, echo_table, printable

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.check import TableReport

ODD = 1
"""Exit code of --strict if anything is odd."""


@click.command("check")
@click.argument("file")
@schema_option
@dialect_options
@click.option("--html", metavar="OUT", help="Also write the report as an HTML page.")
@click.option("--write", "written", metavar="OUT", help="Also write the columns as TOML, for fit --columns.")
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
@click.option("--strict", is_flag=True, help="End with exit code 1 if anything is odd.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    schema: str | None,
    html: str | None,
    written: str | None,
    force: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Show how fit would read the columns of FILE, without fitting.

    For each column: its kind, its range or number of values, its missing cells and its first values. Below
    are the columns that are odd, such as numbers with words between them, and the options that change how
    they are read.
    """
    from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
    from anomaly_vae_pipelines.runs.check import check_file
    from anomaly_vae_pipelines.runs.check_page import check_page

    check_no_overwriting({"--html": html, "--write": written}, [file, schema or file])
    report = check_file(file, *given_schema(ctx, schema))
    echo_json(_fields(report)) if as_json else _show(report)
    if html is not None:
        write_text(html, check_page(report), force=force)
    if written is not None:
        write_text(written, report.schema(), force=force)
    return ODD if strict and report.is_odd else DONE


def _show(report: TableReport) -> None:
    read = f", read as {report.dialect}" if report.dialect else ""
    click.echo(printable(f"{report.path}: {report.size}{read}"))
    rows = [
        (column.name, column.kind, column.values, f"{column.n_missing:,}", ", ".join(column.examples))
        for column in report.columns
    ]
    echo_table(("column", "kind", "values", "missing", "examples"), rows)
    for column in report.columns:
        for text in column.oddities:
            click.echo(printable(f"{column.name}: {text}"))


def _fields(report: TableReport) -> dict[str, Any]:
    columns = [
        {
            "name": column.name, "kind": column.kind, "read_as": column.read_as, "values": column.values,
            "n_missing": column.n_missing, "examples": column.examples, "oddities": column.oddities,
        }
        for column in report.columns
    ]  # fmt: skip
    return {
        "path": report.path,
        "n_rows": report.n_rows,
        "n_drawn": report.n_drawn,
        "dialect": report.dialect,
        "columns": columns,
    }

"""``anomaly-vae card``: writes a model card in Markdown."""

from __future__ import annotations

import click

from anomaly_vae_pipelines.cli.pages import check_page, write_text


@click.command("card")
@click.argument("model")
@click.option("-o", "--output", default="-", metavar="OUT", help="File to write. [default: standard output]")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
def command(model: str, output: str, force: bool) -> None:
    """Write a model card about MODEL in Markdown.

    It has the form of Hugging Face's: what was learned, the data as the file states them, intended use,
    limits, the threshold with its false-alarm rate and their intervals, versions, and how to score. Command
    lines and folders are left out. Add the licence, and figures from labelled data.
    """
    from anomaly_vae_pipelines.reports.card import model_card
    from anomaly_vae_pipelines.runs.model_facts import model_facts
    from anomaly_vae_pipelines.scoring.model_files import open_model

    written = None if output == "-" else output
    check_page(written, [model], force=force, option="-o")
    card = model_card(model_facts(open_model(model)))
    if written is None:
        click.echo(card, nl=False)
    else:
        write_text(written, card, force=force)

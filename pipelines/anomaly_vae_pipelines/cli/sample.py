"""``anomaly-vae sample``: generates rows or images from a model."""

from __future__ import annotations

import click

from anomaly_vae_pipelines.cli.options import output_option, seed_option


@click.command("sample")
@click.argument("model")
@click.option(
    "-n", "n_rows", type=click.IntRange(min=1), required=True, metavar="N", help="Number of rows or images."
)
@output_option("OUT", "CSV file to write; - is standard output. For images a folder, or a .npy file.")
@seed_option
def command(model: str, n_rows: int, output: str, force: bool, seed: int | None) -> None:
    """Generate N rows or images from MODEL.

    Rows have the columns and units of the training table. Images are written as PNG files to the folder
    OUT, or as one array if OUT ends in .npy.
    """
    from anomaly_vae_pipelines.runs.sample import sample

    sample(model, output, n_rows, seed=seed or 0, force=force)

"""``anomaly-vae sample``: generates rows or images from a model."""

from __future__ import annotations

import click

from anomaly_vae_pipelines.cli.options import csv_output_option, seed_option


@click.command("sample")
@click.argument("model")
@click.option(
    "-n", "n_rows", type=click.IntRange(min=1), required=True, metavar="N", help="Number of rows or images."
)
@csv_output_option
@seed_option
def command(model: str, n_rows: int, output: str, force: bool, seed: int | None) -> None:
    """Generate N rows or images from MODEL.

    Rows have the columns and units of the training table. An image model writes PNG files to the folder
    OUT, or an array if OUT ends in .npy.
    """
    from anomaly_vae_pipelines.runs.sample import sample

    sample(model, output, n_rows, seed=seed or 0, force=force)

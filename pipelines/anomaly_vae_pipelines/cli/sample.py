"""``anomaly-vae sample``: rows, or images, that a model makes up."""

from __future__ import annotations

import click

from anomaly_vae_pipelines.cli.options import csv_output_option, seed_option


@click.command("sample")
@click.argument("model")
@click.option("-n", "n_rows", type=click.IntRange(min=1), required=True, metavar="N", help="Number of rows.")
@csv_output_option
@seed_option
def command(model: str, n_rows: int, output: str, force: bool, seed: int | None) -> None:
    """Draw N made-up rows from MODEL.

    They come in the columns and units that the model was fitted on. A model of images writes PNG files
    into the folder OUT, or an array to OUT.npy.
    """
    from anomaly_vae_pipelines.runs.sample import sample

    sample(model, output, n_rows, seed=seed or 0, force=force)

"""``anomaly-vae export``: writes a model as an ONNX model, which scores without this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from anomaly_vae_pipelines.cli.options import output_option
from anomaly_vae_pipelines.cli.printing import echo_pairs
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.records import ExportSummary


@click.command("export")
@click.argument("model")
@output_option("FILE", "ONNX file to write, such as model.onnx.")
def command(model: str, output: str, force: bool) -> None:
    """Write MODEL as an ONNX model, which scores without Python.

    MODEL is a detector of tables. ONNX Runtime runs the exported model, which takes raw columns and
    computes scores, p-values, severities, decisions and contributions. Before it is written, it must give
    the detector's results for generated rows.
    """
    from anomaly_vae_pipelines.runs.export import export_file

    exported = export_file(model, output, force=force)
    pairs = [
        ("inputs", _inputs(exported)),
        ("outputs", "score, p_value, severity, is_anomaly, contributions"),
        ("saved to", f"{exported.output} ({exported.n_bytes / 1e6:.1f} MB)"),
        ("score with", "ONNX Runtime: each input has shape (n_rows, 1), and a missing cell is NaN or ''"),
    ]
    echo_pairs(f"exported {model}", pairs)


def _inputs(exported: ExportSummary) -> str:
    """Number of inputs of each type: ``30 numbers (double), 1 text (string)``."""
    types = [
        (exported.n_numbers, "number", "double"),
        (exported.n_texts, "text", "string"),
        (exported.n_dates, "date", "double, seconds since 1970"),
    ]
    return ", ".join(f"{counted(number, noun)} ({kind})" for number, noun, kind in types if number)

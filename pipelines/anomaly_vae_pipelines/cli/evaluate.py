"""``anomaly-vae evaluate``: measures how well a model detects the anomalies of labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae.persistence import read_metadata
from anomaly_vae_pipelines.cli.charts import score_pairs
from anomaly_vae_pipelines.cli.dialect_options import dialect_options, given_dialect
from anomaly_vae_pipelines.cli.exit_codes import report_problems
from anomaly_vae_pipelines.cli.options import both_of, gate_option, json_option, label_options
from anomaly_vae_pipelines.cli.pages import check_page, report_option, write_page
from anomaly_vae_pipelines.cli.printing import (
    echo_json,
    echo_pairs,
    echo_table,
    gate_fields,
    gate_pairs,
    nats,
)
from anomaly_vae_pipelines.plurals import counted

if TYPE_CHECKING:
    from anomaly_vae_pipelines.records import Evaluation
    from anomaly_vae_pipelines.runs.gates import Outcome
    from anomaly_vae_pipelines.runs.image_evaluation import Defect, ImageEvaluation, Localised

_ROW_METRICS = ("recall", "precision", "false_alarms", "auroc", "average_precision")
_PIXEL_METRICS = ("pixel_auroc", "pro")
_METRICS = {False: _ROW_METRICS, True: (*_ROW_METRICS, *_PIXEL_METRICS)}
"""Metrics that a gate may have, by whether the model is of images."""


@click.command("evaluate")
@click.argument("model")
@click.argument("source", metavar="INPUT")
@label_options("Column with the true labels of the rows.")
@gate_option("Such as recall>=0.9,false_alarms<=0.01.")
@report_option(
    "Also write the page of anomaly-vae report about these rows, with AUROC and average precision."
)
@click.option("--force", is_flag=True, help="Replace PAGE if it exists.")
@dialect_options
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    source: str,
    label: str | None,
    normal: str | None,
    gate: str | None,
    page: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Measure how well MODEL detects the anomalies of labelled data.

    AUROC and average precision depend only on the ranking by score; precision, recall and the false-alarm
    rate depend on the threshold of the model. Rows with an empty label are ignored.

    For an image model, INPUT is a folder in the layout of MVTec AD: images in test/good are normal, images
    in any other test/DEFECT are anomalous. Each kind of defect is compared with the good images. If there
    are masks (ground_truth/DEFECT/NAME.png or NAME_mask.png), the heat maps are compared with them:

    \b
      pixel AUROC  probability that an anomalous pixel is hotter than a normal one
      PRO          per-region overlap: mean detected share of an anomalous region, for
                   false-positive rates up to 0.3 (Bergmann et al. 2020)

    The pixel measures of a defect include its images with masks; the overall measures include all of these
    and the good images.
    """  # noqa: D301 (click wants the control character)
    wanted = both_of(label, normal)
    if wanted is None and "image" not in read_metadata(model):
        raise click.UsageError("Give --label and --normal, which mark the normal rows.", ctx)
    if wanted is None and page is not None:
        raise click.UsageError("--report is for tables; anomaly-vae report writes the page of images.", ctx)
    from anomaly_vae_pipelines.runs.evaluate import evaluate_file, evaluate_folder
    from anomaly_vae_pipelines.runs.gates import parse_gate, problems
    from anomaly_vae_pipelines.runs.report import Report
    from anomaly_vae_pipelines.scoring.model_files import open_model

    check_page(page, [model, source], force=force)
    conditions = None if gate is None else parse_gate(gate, _METRICS[wanted is None], has_old=False)
    opened = open_model(model, given_dialect(click.get_current_context()))
    report = None if page is None else Report(opened, [source], wanted)
    if wanted is None:
        found = evaluate_folder(opened, source)
        outcomes = conditions.outcomes(_image_metrics(found)) if conditions else ()
        echo_json(_image_fields(found) | gate_fields(outcomes)) if as_json else _show_images(found, outcomes)
    else:
        evaluation = evaluate_file(opened, source, wanted, report)
        outcomes = conditions.outcomes(evaluation.metrics) if conditions else ()
        fields = _fields(evaluation) | gate_fields(outcomes)
        if page is not None and report is not None:
            fields["report"] = report.content(evaluation=evaluation)
            write_page(page, fields["report"], force=force)
        echo_json(fields) if as_json else _show(evaluation, outcomes)
    return report_problems(problems(outcomes), only_warn=False)


def _image_metrics(found: ImageEvaluation) -> dict[str, float | None]:
    pixels = found.pixels
    masked = {name: getattr(pixels, name, None) for name in _PIXEL_METRICS}
    return {**found.images.metrics, **masked}


def _image_fields(found: ImageEvaluation) -> dict[str, Any]:
    defects: dict[str, Any] = {
        defect.name: {**_fields(defect.images), "pixels": _pixel_fields(defect.pixels)}
        for defect in found.defects
    }
    return {**_fields(found.images), "pixels": _pixel_fields(found.pixels), "defects": defects}


def _pixel_fields(pixels: Localised | None) -> dict[str, Any] | None:
    return None if pixels is None else asdict(pixels)


def _show_images(found: ImageEvaluation, outcomes: Sequence[Outcome]) -> None:
    """Print the measures over all images, then a table with a row per kind of defect."""
    e, pixels = found.images, found.pixels
    pairs = _pairs(e, "images")
    if pixels is not None:
        where = f"({counted(pixels.n_images, 'image')}, {counted(pixels.n_regions, 'anomalous region')})"
        pairs[2:2] = [("pixel AUROC", f"{_share(pixels.pixel_auroc)}  {where}"), ("PRO", _share(pixels.pro))]
    pairs += gate_pairs(outcomes)
    echo_pairs(f"{e.n_normal + e.n_anomalous:,} images, {e.n_anomalous:,} of them anomalous", pairs)
    names = ["defect", "images", "AUROC", "average precision", "recall"]
    if pixels is not None:
        names += ["masks", "pixel AUROC", "PRO"]
    rows = [(defect.name, *_row(defect, with_pixels=pixels is not None)) for defect in found.defects]
    echo_table(names, rows, justify="right")


def _row(defect: Defect, *, with_pixels: bool) -> list[str]:
    e, pixels = defect.images, defect.pixels
    cells = [f"{e.n_anomalous:,}", _share(e.auroc), _share(e.average_precision), _share(e.recall)]
    if not with_pixels:
        return cells
    if pixels is None:
        return [*cells, "0", "", ""]
    return [*cells, f"{pixels.n_images:,}", _share(pixels.pixel_auroc), _share(pixels.pro)]


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _fields(evaluation: Evaluation) -> dict[str, Any]:
    derived = ("precision", "recall", "false_alarm_rate")
    return asdict(evaluation) | {name: getattr(evaluation, name) for name in derived}


def _show(e: Evaluation, outcomes: Sequence[Outcome]) -> None:
    n_rows = e.n_normal + e.n_anomalous
    unlabelled = f"; {e.n_unlabelled:,} without a label ignored" if e.n_unlabelled else ""
    pairs = _pairs(e, "rows") + gate_pairs(outcomes)
    echo_pairs(f"{n_rows:,} rows, {e.n_anomalous:,} of them anomalous{unlabelled}", pairs)


def _pairs(e: Evaluation, noun: str) -> list[tuple[str, str]]:
    precision = "undefined" if e.precision is None else f"{e.precision:.4f}"
    anomalous = f"{e.n_anomalous:,} anomalous {noun}"
    return [
        ("AUROC", _share(e.auroc)),
        ("average precision", _share(e.average_precision)),
        ("threshold", "one per key" if e.offset is None else nats(e.offset)),
        ("precision", f"{precision}  ({e.n_hits:,} of {e.n_alerts:,} alerts are anomalous)"),
        (
            "recall",
            f"{_share(e.recall)}  ({e.n_hits:,} of {anomalous} raise an alert)",
        ),
        (
            "false-alarm rate",
            f"{_share(e.false_alarm_rate)}  ({e.n_alerts - e.n_hits:,} of {e.n_normal:,} normal {noun})",
        ),
        *score_pairs(e.histogram),
    ]

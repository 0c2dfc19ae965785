"""Evaluate: measures how well a model detects the anomalies of a labelled file or of test images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Evaluation, Label, ScoredRows
from anomaly_vae_pipelines.runs.image_evaluation import ImageEvaluation, evaluate_images
from anomaly_vae_pipelines.runs.stats import RunStats
from anomaly_vae_pipelines.scoring.adapters import AnyScorer, ImageAdapter
from anomaly_vae_pipelines.scoring.blocks import all_scored, score_blocks
from anomaly_vae_pipelines.scoring.evaluation import evaluate
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.scoring.options import RowObserver
from anomaly_vae_pipelines.sources.image_inputs import Inputs


def evaluate_file(
    opened: OpenedModel, source: str, label: Label, report: RowObserver | None = None
) -> Evaluation:
    """Compare the scores of the rows of a file with a label; raises InputError as ``ScoreRun`` does.

    ``report`` receives the rows too, those that are flagged with reasons; it needs no other columns.
    """
    adapter = opened.adapter
    if isinstance(adapter, ImageAdapter):
        raise InputError(
            f"{opened.path}: was fitted on images; their folders are the labels, so leave out --label and "
            "--normal"
        )
    scorer, stats = adapter.scorer(explain="none" if report is None else "flagged"), RunStats()

    def counted() -> Iterator[ScoredRows]:
        for scored in scored_rows(scorer, adapter.inputs([source]), [label.column]):
            stats.add(scored, ())
            if report is not None:
                report.observe(scored)
            yield scored

    evaluation = evaluate(counted(), label, scorer.offset)
    stats.warn_of_unseen()
    return evaluation


def evaluate_folder(opened: OpenedModel, folder: str) -> ImageEvaluation:
    """Compare the scores and heat maps of test images with a folder in MVTec's layout; raises InputError."""
    adapter = opened.adapter
    if not isinstance(adapter, ImageAdapter):
        raise InputError(f"{opened.path}: was fitted on a table; mark normal rows with --label and --normal")
    return evaluate_images(adapter.detector, folder)


def scored_rows(scorer: AnyScorer, inputs: Inputs, columns: Sequence[str]) -> Iterator[ScoredRows]:
    """Score the rows of files in blocks; raises SourceError for a row that cannot be read."""
    for number in range(len(inputs.names)):
        with inputs.open(number) as source:
            yield from score_blocks(scorer, source, all_scored, columns=columns)

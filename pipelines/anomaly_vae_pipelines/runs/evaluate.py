"""Evaluate: a model and a labelled file, or a folder of test images, to measures of detection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Evaluation, Label, ScoredRows
from anomaly_vae_pipelines.runs.image_evaluation import ImageEvaluation, evaluate_images
from anomaly_vae_pipelines.scoring.adapters import AnyScorer, ImageAdapter
from anomaly_vae_pipelines.scoring.blocks import all_scored, score_blocks
from anomaly_vae_pipelines.scoring.evaluation import evaluate
from anomaly_vae_pipelines.scoring.model_files import OpenedModel
from anomaly_vae_pipelines.sources import open_source


def evaluate_file(opened: OpenedModel, source: str, label: Label) -> Evaluation:
    """Compare the scores of a file's rows with a label; raises InputError as ``ScoreRun`` does."""
    adapter = opened.adapter
    if isinstance(adapter, ImageAdapter):
        raise InputError(
            f"{opened.path}: was fitted on images, whose folders say which are normal; leave out --label and "
            "--normal"
        )
    scorer = adapter.scorer(explain="none")
    return evaluate(scored_rows(scorer, source, [label.column]), label, scorer.offset)


def evaluate_folder(opened: OpenedModel, folder: str) -> ImageEvaluation:
    """Compare the scores of test images, and their heat, with the layout of MVTec; raises InputError."""
    adapter = opened.adapter
    if not isinstance(adapter, ImageAdapter):
        raise InputError(
            f"{opened.path}: was fitted on a table; say which rows are normal with --label and --normal"
        )
    return evaluate_images(adapter.detector, folder)


def scored_rows(scorer: AnyScorer, path: str, columns: Sequence[str]) -> Iterator[ScoredRows]:
    """The rows of a file with their scores, in blocks; raises SourceError for one that cannot be read."""
    with open_source(path) as source:
        yield from score_blocks(scorer, source, all_scored, columns=columns)

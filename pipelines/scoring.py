"""Scoring as a stage: chunks of text in, scored batches out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import CellError, InputError
from anomaly_vae.thresholds import conformal_p_values
from pipelines.cells import text_frame
from pipelines.errors import ColumnClashError, SourceError
from pipelines.records import RESULT_COLUMNS, ScoredBatch, TextChunk
from pipelines.selection import require

Model: TypeAlias = TabularVAEDetector | Pipeline
Explain = Literal["flagged", "all", "none"]
Reasons = list[tuple[str, float]]

N_REASONS = 3
"""Columns that are named as reasons of a row."""


class Scorer:
    """Scores rows of text with a fitted detector, or with a Pipeline that ends in one.

    A row's result depends on that row alone, wherever the chunks begin. The one exception is a
    Pipeline: the cells of a column that are numbers throughout a chunk are given to it as numbers.

    Parameters
    ----------
    model : TabularVAEDetector or Pipeline
        A fitted model that knows the names of its columns.
    explain : {"flagged", "all", "none"}
        Which rows get ``top_columns``.
    prefix : str
        Put before the names of the result columns.

    Raises
    ------
    InputError
        When called, for columns that are missing or hide a result column, and for cells that the
        model cannot read; the message names file, line and column.
    """

    def __init__(self, model: Model, *, explain: Explain = "flagged", prefix: str = "") -> None:
        self.model, self.explain, self.prefix = model, explain, prefix
        self.detector = final_detector(model)
        self.names = model_columns(model)
        self.numeric = _numeric_columns(model, self.names)

    def __call__(self, chunks: Iterable[TextChunk]) -> Iterator[ScoredBatch]:
        """One batch a chunk."""
        for chunk in chunks:
            require(self.names, chunk, ", which the model was fitted on")
            _refuse_clash(chunk, self.prefix)
            yield self._score(chunk) if chunk.rows else self._nothing(chunk)

    def _score(self, chunk: TextChunk) -> ScoredBatch:
        X, scores = self._read(chunk)
        flagged = scores < self.detector.offset_
        p_values = conformal_p_values(scores, self.detector.calibration_scores_)
        return ScoredBatch(chunk, scores, p_values, flagged, self._reasons(X, flagged), self.prefix)

    def _read(self, chunk: TextChunk) -> tuple[Any, NDArray[np.float64]]:
        """What the detector sees of a chunk, and its scores."""
        try:
            X = _prepared(self.model, text_frame(chunk, self.names, self.numeric))
            return X, self.detector.score_samples(X)
        except CellError as error:
            problem = f"column {error.column!r}: wanted {error.wanted}, got {error.value!r}"
            raise SourceError(chunk.source, chunk.lines[error.row], problem) from error
        except InputError:
            raise
        except ValueError as error:
            problem = f"the rows from here to line {chunk.lines[-1]} cannot be read by the model ({error})"
            raise SourceError(chunk.source, chunk.lines[0], problem) from error

    def _reasons(self, X: Any, flagged: NDArray[np.bool_]) -> list[str]:
        rows = np.flatnonzero(flagged | (self.explain == "all"))
        texts = [""] * len(flagged)
        if self.explain == "none" or not len(rows):
            return texts
        chosen = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
        for row, reasons in zip(rows, self.detector.explain(chosen, n_columns=N_REASONS), strict=True):
            texts[row] = reasons_text(reasons)
        return texts

    def _nothing(self, chunk: TextChunk) -> ScoredBatch:
        none = np.empty(0)
        return ScoredBatch(chunk, none, none, none.astype(bool), (), self.prefix)


def final_detector(model: Model) -> TabularVAEDetector:
    """The detector itself, or the last step of a Pipeline."""
    detector: TabularVAEDetector = model[-1] if isinstance(model, Pipeline) else model
    return detector


def model_columns(model: Model) -> tuple[str, ...]:
    """Names of the columns that the model reads; raises InputError for a model without names."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise InputError("the model was fitted on an array without column names; fit it on a DataFrame")
    return tuple(map(str, names))


def reasons_text(reasons: Reasons) -> str:
    """Reasons as one cell: ``name:nats;name:nats``, worst first."""
    return ";".join(f"{name}:{nats:.1f}" for name, nats in reasons)


def _numeric_columns(model: Model, names: tuple[str, ...]) -> frozenset[str]:
    """Columns that are numbers if their cells are: a detector knows which, of a Pipeline it may be any."""
    if isinstance(model, Pipeline):
        return frozenset(names)
    return frozenset(column.name for column in model.schema_.columns if column.kind == "numeric")


def _prepared(model: Model, cells: pd.DataFrame) -> Any:
    """Cells after the steps before the detector; a detector alone takes them as they are."""
    return model[:-1].transform(cells) if isinstance(model, Pipeline) and len(model) > 1 else cells


def _refuse_clash(chunk: TextChunk, prefix: str) -> None:
    for name in RESULT_COLUMNS:
        if prefix + name in chunk.columns:
            raise ColumnClashError(
                f"{chunk.source}: there is a column {prefix + name!r} already, which the result would hide; "
                f"choose other names with --prefix, such as --prefix vae_"
            )

"""Answers: scored rows encoded as JSON, CSV or Arrow."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from anomaly_vae_pipelines.records import ImageRows, ScoredRows
from anomaly_vae_pipelines.scoring.tables import reason_texts
from anomaly_vae_pipelines.service.codecs.images import heatmap_uri
from anomaly_vae_pipelines.service.codecs.schemas import ModelName, Reason, ScoreAnswer, ScoredRow
from anomaly_vae_pipelines.service.models.registry import ServedModel

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
FORMATS = (JSON, CSV, ARROW)
"""Media types of answers; the first is the default."""


def answer(served: ServedModel, scored: ScoredRows, *, explain: bool, media: str) -> bytes:
    """The body of an answer in one of ``FORMATS``, with the rows in the order of the request."""
    if media == JSON:
        return msgspec.json.encode(_content(served, scored, explain=explain))
    table = pa.table(result_columns(served, scored))
    if explain:
        table = table.append_column("top_columns", reason_texts(scored))
    stream = io.BytesIO()
    if media == CSV:
        pacsv.write_csv(table, stream)
    else:
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
    return stream.getvalue()


def _content(served: ServedModel, scored: ScoredRows, *, explain: bool) -> ScoreAnswer:
    results = result_columns(served, scored).values()
    rows = list(map(ScoredRow, *(result.tolist() for result in results)))
    if explain:
        for position, row in enumerate(rows):
            row.top_columns = [Reason(**vars(reason)) for reason in scored.reasons.get(position, ())]
        _add_heatmaps(served, scored, rows)
    return ScoreAnswer(ModelName(served.name, served.version, served.model_id), rows)


def _add_heatmaps(served: ServedModel, scored: ScoredRows, rows: Sequence[ScoredRow]) -> None:
    images = scored.rows
    if not isinstance(images, ImageRows):
        return
    heat = served.detector.heatmap(images.images)
    for position, row in enumerate(rows):
        row.file = images.paths[position]
        row.heatmap = heatmap_uri(images.images[position], heat[position], served.detector)


def result_columns(served: ServedModel, scored: ScoredRows) -> dict[str, NDArray[Any]]:
    """The results of rows, each of shape (n_rows,)."""
    return {
        "score": scored.scores,
        "p_value": scored.p_values,
        "severity": scored.severities,
        "is_anomaly": scored.is_anomaly,
        "threshold": served.offsets(scored),
    }

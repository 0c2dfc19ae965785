"""Scored rows encoded as JSON, CSV and Arrow have the same numbers."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pyarrow as pa
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae_pipelines.records import ScoredRows
from anomaly_vae_pipelines.service.codecs.answers import ARROW, CSV, JSON, answer
from anomaly_vae_pipelines.service.codecs.tables import rows_of_table
from anomaly_vae_pipelines.service.models.registry import ServedModel


@pytest.fixture(scope="module")
def served(number_model: TabularVAEDetector) -> ServedModel:
    return ServedModel("numbers", "3", number_model, "abc")


@pytest.fixture(scope="module")
def scored(served: ServedModel, numbers: pd.DataFrame) -> ScoredRows:
    table = pa.Table.from_pandas(numbers[:6], preserve_index=False)
    return served.score(rows_of_table(table, served.inputs, 10), True)[0]


def test_every_format_has_the_same_scores(served: ServedModel, scored: ScoredRows) -> None:
    rows = json.loads(answer(served, scored, explain=False, media=JSON))["rows"]
    assert [row["score"] for row in rows] == scored.scores.tolist()
    assert [row["severity"] for row in rows] == scored.severities.tolist()
    assert {row["threshold"] for row in rows} == {served.offset}
    text = answer(served, scored, explain=False, media=CSV).decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [float(line["score"]) for line in lines] == scored.scores.tolist()
    assert [float(line["severity"]) for line in lines] == scored.severities.tolist()
    table = pa.ipc.open_stream(answer(served, scored, explain=False, media=ARROW)).read_all()
    assert table.to_pylist() == rows


def test_json_names_the_model(served: ServedModel, scored: ScoredRows) -> None:
    content = json.loads(answer(served, scored, explain=False, media=JSON))
    assert content["model"] == {"name": "numbers", "version": "3", "id": "abc"}


def test_reasons_are_there_only_if_asked_for(served: ServedModel, scored: ScoredRows) -> None:
    plain = json.loads(answer(served, scored, explain=False, media=JSON))["rows"]
    explained = json.loads(answer(served, scored, explain=True, media=JSON))["rows"]
    assert all("top_columns" not in row for row in plain)
    reasons = [[reason["column"] for reason in row["top_columns"]] for row in explained]
    assert reasons == [[reason.column for reason in scored.reasons.get(i, ())] for i in range(6)]
    assert all("file" not in row and "heatmap" not in row for row in explained)
    assert b"top_columns" in answer(served, scored, explain=True, media=CSV)

"""Evaluation of a labelled file."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError, UnseenValuesWarning
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.evaluate import evaluate_file, scored_rows
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.scoring.model_files import open_model
from anomaly_vae_pipelines.sources import TableInputs
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table


def test_an_evaluation_counts_what_a_run_writes(tmp_path, model, unseen):
    """The alerts of evaluate_file are the anomalies that a ScoreRun counts and writes."""
    out = str(tmp_path / "out.csv")
    summary = ScoreRun(model, [unseen], out)()
    rows = read_rows(out)
    assert summary.n_rows == len(rows) == 40
    n_flagged = sum(row["is_anomaly"] == "true" for row in rows)
    evaluation = evaluate_file(open_model(model), unseen, Label("label", "good"))
    assert summary.n_anomalies == n_flagged == evaluation.n_alerts
    assert evaluation.n_anomalous == 4


def test_a_row_that_cannot_be_read_stops_an_evaluation(tmp_path, model):
    """The error has its line: a measure over the other rows would be wrong."""
    table = write_table(tmp_path / "a.csv", COLUMNS, [*orders(3), ["1"]])
    with pytest.raises(SourceError, match="line 5: wanted 7 cells"):
        list(scored_rows(open_model(model).adapter.scorer(), TableInputs([table]), []))


def test_a_label_does_not_apply_to_images(image_model, train):
    """Their folders are the labels."""
    with pytest.raises(InputError, match="leave out --label and --normal"):
        evaluate_file(open_model(image_model), train, Label("label", "good"))


def test_rows_of_another_release_are_reported_in_one_line(tmp_path, model):
    """By an evaluation as by a scoring run, whose summary counts them."""
    rows = [[*row[:3], "violet", *row[4:]] for row in orders(40, seed=1)]
    table, out = write_table(tmp_path / "a.csv", COLUMNS, rows), str(tmp_path / "out.csv")
    wanted = r"column color: 40 of 40 rows hold a value that training never saw; was the model fitted on"
    with pytest.warns(UnseenValuesWarning, match=wanted) as caught:
        evaluate_file(open_model(model), table, Label("label", "good"))
    assert len(caught) == 1
    with pytest.warns(UnseenValuesWarning, match=wanted):
        assert ScoreRun(model, [table], out)().unseen == {"color": 40}

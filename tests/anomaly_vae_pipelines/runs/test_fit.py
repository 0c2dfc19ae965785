"""Files in, files out."""

from __future__ import annotations

import pytest

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, UnknownNameError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.evaluate import evaluate_file
from anomaly_vae_pipelines.runs.fit import fit_file
from anomaly_vae_pipelines.runs.sample import sample
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.threshold import threshold_file
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, write_table

TINY = {"max_steps": 20, "hidden_sizes": [8], "latent_dim": 2, "random_state": 0}


def test_a_fit_says_what_it_did(tmp_path, train):
    """Rows after selection, columns by kind, and the threshold that is in the file."""
    path = str(tmp_path / "model.avae")
    summary = fit_file(
        train, path, label=Label("label", "good"), left_out=["code"], parameters=TINY, false_alarm_rate=0.1
    )
    assert summary.n_rows == 108
    assert sum(summary.kinds.values()) == 5
    detector = load(path)
    assert (summary.offset, summary.false_alarm_rate) == (detector.offset_, 0.1)
    assert "label" not in detector.feature_names_in_


def test_a_run_is_the_composition_of_its_stages(tmp_path, model, unseen):
    """What a ScoreRun counts is what it wrote, and what evaluate_file sees."""
    out = str(tmp_path / "out.csv")
    summary = ScoreRun(model, [unseen], out)()
    rows = read_rows(out)
    assert summary.n_rows == len(rows) == 40
    n_flagged = sum(row["is_anomaly"] == "true" for row in rows)
    evaluation = evaluate_file(open_model(model), unseen, Label("label", "good"))
    assert summary.n_anomalies == n_flagged == evaluation.n_alerts
    assert evaluation.n_anomalous == 4


def test_a_threshold_moves_without_the_scores(tmp_path, model, unseen):
    """The new model scores as the old one and decides otherwise."""
    moved, old_out, new_out = (str(tmp_path / name) for name in ("m.avae", "old.csv", "new.csv"))
    threshold = threshold_file(model, moved, offset=1e6)
    assert (threshold.offset, threshold.false_alarm_rate) == (1e6, None)
    ScoreRun(model, [unseen], old_out)()
    assert ScoreRun(moved, [unseen], new_out)().n_anomalies == 40
    assert [row["score"] for row in read_rows(old_out)] == [row["score"] for row in read_rows(new_out)]


def test_sampled_rows_can_be_scored_by_their_model(tmp_path, model):
    """Made-up rows are in the columns and units of the table."""
    drawn, scored = str(tmp_path / "drawn.csv"), str(tmp_path / "scored.csv")
    assert sample(model, drawn, 25) == 25
    assert list(read_rows(drawn)[0]) == COLUMNS[1:-1]
    assert {row["color"] for row in read_rows(drawn)} <= {"red", "green", "<other>", ""}
    assert ScoreRun(model, [drawn], scored)().n_rows == 25


def test_a_parameter_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    """Parameters are checked before anything is read."""
    with pytest.raises(UnknownNameError, match="no parameter 'latent_dims'; did you mean 'latent_dim'"):
        fit_file("missing.csv", str(tmp_path / "m.avae"), parameters={"latent_dims": 3})


def test_a_parameter_out_of_range_is_bad_input(tmp_path, train):
    """The detector's own words reach the user as a mistake of the input."""
    with pytest.raises(InputError, match="max_steps"):
        fit_file(train, str(tmp_path / "m.avae"), parameters={"max_steps": -1})


def test_an_output_that_exists_is_refused_before_the_work(tmp_path, model):
    """Not even a missing input is noticed: nothing was read yet."""
    path = tmp_path / "out"
    path.write_text("old")
    for refused in (
        lambda: fit_file("missing.csv", str(path)),
        lambda: ScoreRun("missing.avae", ["missing.csv"], str(path))(),
        lambda: threshold_file("missing.avae", str(path), offset=0.0),
        lambda: sample("missing.avae", str(path), 3),
    ):
        with pytest.raises(OutputExistsError):
            refused()
    assert path.read_text() == "old"


def test_nothing_to_learn_from_is_refused(tmp_path):
    """A table whose columns are all left out has rows, but nothing in them."""
    table = write_table(tmp_path / "a.csv", COLUMNS, orders(5))
    with pytest.raises(InputError, match="every column is left out"):
        fit_file(table, str(tmp_path / "m.avae"), left_out=COLUMNS)

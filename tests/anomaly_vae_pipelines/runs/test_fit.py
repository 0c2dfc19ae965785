"""Fits on files."""

from __future__ import annotations

import pytest

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.fit import Rule, fit_file, fit_model
from anomaly_vae_pipelines.runs.sample import sample
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.table_training import TableTraining
from anomaly_vae_pipelines.runs.threshold import threshold_file

TINY = {"max_steps": 20, "hidden_sizes": [8], "latent_dim": 2, "random_state": 0}


def test_the_summary_of_a_fit_agrees_with_the_file(tmp_path, train):
    """The summary has the number of selected rows, the columns by kind, and the threshold in the file."""
    path = str(tmp_path / "model.avae")
    summary = fit_file(
        train, path, label=Label("label", "good"), left_out=["code"], parameters=TINY, false_alarm_rate=0.1
    )
    assert summary.n_rows == 108
    assert sum(summary.kinds.values()) == 5
    detector = load(path)
    assert (summary.offset, summary.false_alarm_rate) == (detector.offset_, 0.1)
    assert summary.n_calibration == len(detector.calibration_scores_)
    assert summary.threshold_interval == detector.threshold_interval_
    assert summary.false_alarm_interval == detector.false_alarm_interval_
    assert "label" not in detector.feature_names_in_


def test_a_parameter_out_of_range_is_bad_input(tmp_path, train):
    """The message of the detector reaches the user as an InputError."""
    with pytest.raises(InputError, match="max_steps"):
        fit_file(train, str(tmp_path / "m.avae"), parameters={"max_steps": -1})


class Broken:
    """A model with a bug."""

    def fit(self, data: object) -> None:
        raise ValueError("operands could not be broadcast together")


def test_a_bug_is_not_taken_for_bad_input(train):
    """Only what scikit-learn refuses is the user's mistake."""
    training = TableTraining(train, None, [], {}, "tabular")
    training.model = Broken()
    with pytest.raises(ValueError, match="broadcast") as caught:
        fit_model(training, train, [], Rule())
    assert not isinstance(caught.value, InputError)


def test_an_output_that_exists_is_refused_before_the_work(tmp_path, model):
    """It is found before any input is read, even a missing one."""
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

"""Saving a model with another threshold."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import InputError, load, load_scorer, save
from anomaly_vae.model_file.pipeline import Pipeline
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.threshold import recalibrate_file, rows_per_day_file, threshold_file
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table


def test_another_threshold_keeps_the_scores(tmp_path, model, unseen):
    """Only the decisions change."""
    moved, old_out, new_out = (str(tmp_path / name) for name in ("m.avae", "old.csv", "new.csv"))
    threshold = threshold_file(model, moved, offset=1e6)
    assert (threshold.offset, threshold.false_alarm_rate) == (1e6, None)
    ScoreRun(model, [unseen], old_out)()
    assert ScoreRun(moved, [unseen], new_out)().n_anomalies == 40
    assert [row["score"] for row in read_rows(old_out)] == [row["score"] for row in read_rows(new_out)]


def test_rows_per_day_are_measured_from_a_file(tmp_path):
    """Three rows after the first, in one day."""
    times = ["2026-01-01T00:00Z", "2026-01-01T08:00Z", "2026-01-01T16:00Z", "2026-01-02T00:00Z"]
    table = write_table(tmp_path / "a.csv", ["when"], [[time] for time in times])
    assert rows_per_day_file(table, "when") == 3.0


def test_recalibration_is_that_of_the_detector(tmp_path, model, unseen):
    """From all rows of a file, in pieces or not; scores stay, and the threshold keeps its rule."""
    path = str(tmp_path / "recent.avae")
    threshold = recalibrate_file(model, unseen, path)
    before, again = load_scorer(model), load_scorer(path)
    frame = read_table(unseen)[before.feature_names_in_.tolist()]
    np.testing.assert_array_equal(again.calibration_scores_, before.recalibrate(frame).calibration_scores_)
    np.testing.assert_array_equal(again.score_samples(frame), before.score_samples(frame))
    assert threshold.n_calibration == 40
    assert threshold.false_alarm_rate == before.false_alarm_rate_
    assert again.offset_ == before.recalibrate(frame).offset_ == threshold.offset
    moved = recalibrate_file(model, unseen, path, force=True, false_alarm_rate=0.2)
    assert (moved.false_alarm_rate, moved.n_calibration) == (0.2, 40)


def test_the_last_step_of_a_pipeline_is_recalibrated(tmp_path, model, unseen):
    """On what the other steps make of the rows."""
    chain, path = str(tmp_path / "chain.avae"), str(tmp_path / "recent.avae")
    save(Pipeline([("detector", load(model))]), chain)
    recalibrate_file(chain, unseen, path)
    assert len(load(path)[-1].calibration_scores_) == 40


def test_what_cannot_be_recalibrated_is_refused(tmp_path, model, image_model, unseen):
    """A model of images, a file without rows, and a cell that cannot be read, with its line."""
    path = tmp_path / "recent.avae"
    with pytest.raises(InputError, match="is a model of images"):
        recalibrate_file(image_model, unseen, str(path))
    with pytest.raises(InputError, match="has no rows"):
        recalibrate_file(model, write_table(tmp_path / "e.csv", COLUMNS, []), str(path))
    rows = orders(4)
    rows[2][1] = "plenty"
    with pytest.raises(InputError, match="line 4.*wanted a number, got 'plenty'"):
        recalibrate_file(model, write_table(tmp_path / "b.csv", COLUMNS, rows), str(path))
    assert not path.exists()

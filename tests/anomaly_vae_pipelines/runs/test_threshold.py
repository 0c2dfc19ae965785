"""Saving a model with another threshold."""

from __future__ import annotations

from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.threshold import rows_per_day_file, threshold_file
from tests.anomaly_vae_pipelines.conftest import read_rows, write_table


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

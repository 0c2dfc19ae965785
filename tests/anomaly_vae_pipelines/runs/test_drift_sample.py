"""Drift in a sample of the rows of a run."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.runs import scored_sample
from anomaly_vae_pipelines.runs.drift import drift_files
from anomaly_vae_pipelines.runs.drift_sample import sample_drift
from anomaly_vae_pipelines.runs.evaluate import scored_rows
from anomaly_vae_pipelines.runs.scored_sample import ScoredSample
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


@pytest.fixture
def path(tmp_path):
    """Rows like those of calibration, and from the 601st on others."""
    rows = orders(1200, seed=4)
    for row in rows[600:]:
        row[1] = str(float(row[1] or 0) + 40)
    return write_table(tmp_path / "moved.csv", COLUMNS, rows)


def report(model, path):
    adapter = open_model(model).adapter
    scorer, reference = adapter.scorer(), adapter.detector.drift_reference()
    sample = ScoredSample()
    for scored in scored_rows(scorer, adapter.inputs([path]), []):
        sample.add(scored)
    return sample_drift(sample.sampled(), scorer, reference, 0.01)


def test_all_rows_are_compared_if_they_are_few(model, path):
    assert report(model, path) == drift_files(open_model(model), [path], 0.01)


def test_a_sample_finds_the_change_and_the_row_after_which_it_did(model, path, monkeypatch):
    """The sample is a third of the rows; the row is counted among all of them."""
    whole = report(model, path)
    monkeypatch.setattr(scored_sample, "N_ROWS", 400)
    found = report(model, path)
    assert found.n_rows == 400
    assert "amount" in found.moved
    (whole_since, since) = (
        one.columns[[c.name for c in one.columns].index("amount")].since for one in (whole, found)
    )
    assert whole_since is not None
    assert since is not None
    assert 600 < whole_since < since < 1200


def test_no_rows_are_no_drift(model, tmp_path):
    empty = report(model, write_table(tmp_path / "empty.csv", COLUMNS, []))
    assert (empty.n_rows, empty.since, empty.drifted) == (0, None, False)

"""The content of reports: what the other commands say about the same rows."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.drift import drift_files
from anomaly_vae_pipelines.runs.evaluate import evaluate_file
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.scoring.model_files import open_model


def test_the_numbers_are_those_of_evaluate_and_drift(model, unseen):
    opened, label = open_model(model), Label("label", "good")
    data = report_files(opened, [unseen], label)["data"]
    expected = evaluate_file(opened, unseen, label)
    found = data["evaluation"]
    assert found["hits"] == expected.n_hits
    assert found["misses"] == expected.n_anomalous - expected.n_hits
    assert found["false_alarms"] == expected.n_alerts - expected.n_hits
    assert data["n_alerts"] == expected.n_alerts > 0
    drift = drift_files(opened, [unseen], 0.01)
    assert data["drift"]["columns"] == asdict(drift)["columns"]


def test_images_are_refused(image_model):
    with pytest.raises(InputError, match="reports are only of tables"):
        report_files(open_model(image_model), [])

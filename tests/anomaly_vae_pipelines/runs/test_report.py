"""The content of reports: what the other commands say about the same rows."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector, save
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Label
from anomaly_vae_pipelines.runs.drift import drift_files
from anomaly_vae_pipelines.runs.evaluate import evaluate_file
from anomaly_vae_pipelines.runs.report import report_files
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


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


def test_a_row_of_which_all_columns_cost_shows_eight_and_the_sum_of_the_others(tmp_path):
    draw, names = np.random.default_rng(0), [f"x{j}" for j in range(10)]
    detector = TabularVAEDetector(
        max_steps=5, validation_fraction=0.5, hidden_sizes=(8,), latent_dim=1, random_state=0
    )
    detector.fit(pd.DataFrame(draw.normal(size=(80, 10)), columns=names))
    save(detector, tmp_path / "wide.avae")
    far = pd.DataFrame([np.linspace(20, 60, 10)], columns=names)
    far.to_csv(tmp_path / "far.csv", index=False)
    opened = open_model(str(tmp_path / "wide.avae"))
    (row,) = report_files(opened, [str(tmp_path / "far.csv")])["data"]["worst"]
    (expected,) = detector.explain(far, n_columns=11)
    assert len(expected) > 8
    assert [reason["column"] for reason in row["reasons"]] == [name for name, _ in expected[:8]]
    assert row["other_nats"] == pytest.approx(sum(nats for _, nats in expected[8:]), rel=1e-6)


def test_a_label_that_no_row_has_is_refused_as_in_evaluate(model, unseen):
    opened, label = open_model(model), Label("label", "Good")
    messages = []
    for run in (lambda: evaluate_file(opened, unseen, label), lambda: report_files(opened, [unseen], label)):
        with pytest.raises(InputError, match="'Good' in column 'label'; wanted at least one") as caught:
            run()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_small_numbers_are_not_taken_for_times_in_silence(model, tmp_path):
    """Such as numbers of rows; with the year they are times."""
    for first, expected in (
        (1, pytest.warns(UserWarning, match="'second': all times are before 1971")),
        (1e9, nullcontext()),
    ):
        rows = [[*row, str(int(first) + i)] for i, row in enumerate(orders(30))]
        table = write_table(tmp_path / "rows.csv", [*COLUMNS, "second"], rows)
        with expected:
            report_files(open_model(model), [table], time="second")

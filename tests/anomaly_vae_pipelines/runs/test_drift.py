"""Drift of files: all rows, in their order, in one report."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.runs.drift import drift_files
from anomaly_vae_pipelines.scoring.model_files import open_model
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_several_files_are_compared_as_one(model, tmp_path):
    rows = orders(300, seed=3)
    whole = write_table(tmp_path / "whole.csv", COLUMNS, rows)
    parts = [
        write_table(tmp_path / f"{n}.csv", COLUMNS, part) for n, part in enumerate((rows[:90], rows[90:]))
    ]
    opened = open_model(model)
    first, second = drift_files(opened, [whole], 0.01), drift_files(opened, parts, 0.01)
    assert first.n_rows == second.n_rows == 300
    assert [column.effect for column in first.columns] == [column.effect for column in second.columns]
    assert first.alert_rate == second.alert_rate > first.calibration_alert_rate


def test_the_report_is_that_of_the_library(model, tmp_path):
    """The rows that the detector reads, in the same order."""
    rows = orders(120, seed=4)
    report = drift_files(open_model(model), [write_table(tmp_path / "rows.csv", COLUMNS, rows)], 0.05)
    assert report.rate == 0.05
    names = [column.name for column in report.columns]
    assert names == ["amount", "count", "color", "open", "day", "latent"]
    by_name = {column.name: column for column in report.columns}
    assert by_name["day"].effect is None  # a date
    assert by_name["amount"].missing == sum(not row[COLUMNS.index("amount")] for row in rows) / 120


def test_a_row_that_cannot_be_read_is_named(model, tmp_path):
    rows = [[*row] for row in orders(20, seed=5)]
    rows[4][COLUMNS.index("amount")] = "many"
    with pytest.raises(SourceError, match="line 6"):
        drift_files(open_model(model), [write_table(tmp_path / "rows.csv", COLUMNS, rows)], 0.01)


def test_images_have_no_columns(image_model):
    with pytest.raises(InputError, match="was fitted on images"):
        drift_files(open_model(image_model), ["rows.csv"], 0.01)

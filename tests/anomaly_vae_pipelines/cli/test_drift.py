"""``anomaly-vae drift``."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from anomaly_vae.drift import ColumnDrift, DriftReport
from anomaly_vae_pipelines.cli import drift
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


@pytest.fixture
def moved(tmp_path) -> str:
    """Good rows whose amounts are ten times as large."""
    rows = [[*row] for row in orders(400, seed=7) if row[-1] == "good"]
    for row in rows:
        row[AMOUNT] = row[AMOUNT] and f"{10 * float(row[AMOUNT]):.2f}"
    return write_table(tmp_path / "moved.csv", COLUMNS, rows)


@pytest.fixture
def still(tmp_path) -> str:
    """Good rows like those of the fit."""
    rows = [row for row in orders(400, seed=8) if row[-1] == "good"]
    return write_table(tmp_path / "still.csv", COLUMNS, rows)


AMOUNT = COLUMNS.index("amount")


def test_a_line_says_which_column_moved_and_a_table_how(run, model, moved):
    ended = run("drift", model, moved)
    assert (ended.code, ended.err) == (0, "")
    first, *lines = ended.out.splitlines()
    assert " of calibration: drift in amount (values" in first
    assert ", found after " in first
    heads, _, row = [line for line in lines if line.strip()][:3]
    assert heads.split()[:6] == ["column", "since", "effect", "shift", "p", "missing"]
    assert row.split()[0] == "amount"
    assert any(line.split()[:1] == ["score"] for line in lines)


def test_rows_like_those_of_the_fit_have_no_drift(run, model, still):
    ended = run("drift", model, still, "--fail-on-alert")
    assert ended.code == 0
    assert ": no drift; " in ended.out


def test_exit_code_3_if_a_column_drifted(run, model, moved):
    assert run("drift", model, moved, "--fail-on-alert").code == 3


def test_json_has_every_number(run, model, moved, still):
    """Files follow one another; the row of the change counts from the first one."""
    report = json.loads(run("drift", model, still, moved, "--json").out)
    assert report["drifted"]
    assert report["moved"][0] == "amount"
    n_still = json.loads(run("drift", model, still, "--json").out)["n_rows"]
    amount = next(column for column in report["columns"] if column["name"] == "amount")
    assert amount["since"] > n_still
    assert amount["shift"] > 0.5


def test_shares_are_shown_only_where_there_are_any():
    """Cells of missing and unseen values are nothing in most tables."""
    column = ColumnDrift(name="amount", kind="numeric", effect=0.1, missing=0.0, unseen=0.25)
    report = DriftReport(
        n_rows=9, n_calibration=9, rate=0.01, alert_rate=0.0, calibration_alert_rate=0.0, since=None,
        columns=(column,), score=replace(column, name="score", unseen=None),
    )  # fmt: skip
    with CliRunner().isolation() as (out, _, _):
        drift._show(report)
        shown = out.getvalue().decode()
    assert "unseen" in shown
    assert "missing" not in shown


def test_a_model_of_images_has_no_columns(run, image_model, still):
    ended = run("drift", image_model, still)
    assert ended.code == 2
    assert "was fitted on images, and only tables are compared by column" in ended.err

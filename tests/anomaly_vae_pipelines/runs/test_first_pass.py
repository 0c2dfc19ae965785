"""Thresholds that depend on all rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from anomaly_vae import load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.runs.first_pass import budget_threshold, discovery_threshold
from anomaly_vae_pipelines.scoring.adapters import adapter_of
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_rows, read_table, write_table


@pytest.fixture(scope="module")
def model(cross_fitted):
    """A model with p-values low enough to tell a few rows from chance."""
    return cross_fitted


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A batch of which a third is far out, enough to tell from chance."""
    rows = orders(90, seed=3)
    for row in rows[::3]:
        row[1], row[2] = "99999", "9999"
    return write_table(tmp_path_factory.mktemp("first_pass") / "table.csv", COLUMNS, rows)


def test_the_flagged_rows_are_those_of_scipy(model, table):
    """The threshold of a false-discovery rate flags what Benjamini and Hochberg's procedure does."""
    detector = load(model)
    frame = read_table(table)[list(detector.feature_names_in_)]
    for rate in (0.2, 0.4, 0.6):
        found = discovery_threshold(adapter_of(detector), [table], rate)
        flagged = detector.score_samples(frame) < found.offset
        np.testing.assert_array_equal(flagged, false_discovery_control(detector.p_values(frame)) <= rate)
        assert found.n_rows == 90


def test_where_nothing_can_be_told_from_chance_no_row_is_flagged(model, table):
    """And it is known how many rows it would take."""
    found = discovery_threshold(adapter_of(load(model)), [table], 0.01)
    assert (found.offset, found.rate) == (-math.inf, None)
    assert 30 < found.least < 90


def test_a_rate_that_no_batch_can_reach_is_refused(model, table):
    """Unless p-values are estimated."""
    with pytest.raises(InputError, match=r"0.001 flags no row, .* needs 999\. Use 0.00944 or more"):
        discovery_threshold(adapter_of(load(model)), [table], 0.001)
    found = discovery_threshold(adapter_of(load(model)), [table], 0.001, tail="gpd")
    assert found.least is None


def test_a_budget_is_a_rate_of_the_rows_per_day(model, tmp_path):
    """The rows per day are given, or measured from their times."""
    rows = orders(48)
    times = pd.date_range("2026-01-01", periods=48, freq="h", tz="UTC")
    timed = [[*row, time.isoformat()] for row, time in zip(rows, times, strict=True)]
    path = write_table(tmp_path / "timed.csv", [*COLUMNS, "when"], timed)
    counted = budget_threshold(adapter_of(load(model)), [path], 6, time="when")
    given = budget_threshold(adapter_of(load(model)), [path], 6, rows_per_day=24)
    assert counted.rate == pytest.approx(0.25)
    assert counted.offset == given.offset == load(model).set_threshold(false_alarm_rate=0.25).offset_


def test_what_cannot_be_read_twice_is_refused(model):
    """Standard input can be read only once."""
    with pytest.raises(InputError, match="cannot be read twice"):
        discovery_threshold(adapter_of(load(model)), ["-"], 0.1)
    with pytest.raises(InputError, match="rows per day"):
        budget_threshold(adapter_of(load(model)), ["-"], 5)


def test_the_command_flags_what_the_first_pass_found(run, model, table, tmp_path):
    """--fdr and --alerts-per-day take the place of the model's threshold, for this run."""
    out = str(tmp_path / "out.csv")
    ended = run("score", model, table, "-o", out, "--fdr", "0.4")
    assert ended.code == 0, ended.err
    offset = discovery_threshold(adapter_of(load(model)), [table], 0.4).offset
    assert [row["is_anomaly"] == "true" for row in read_rows(out)] == [
        float(row["score"]) < offset for row in read_rows(out)
    ]
    none = run("score", model, table, "-o", out, "--force", "--fdr", "0.01")
    assert "no row is flagged at a false-discovery rate of 0.01: at least 85 of 90 rows" in none.err
    assert {row["is_anomaly"] for row in read_rows(out)} == {"false"}
    assert run("score", model, table, "-o", out, "--force", "--alerts-per-day", "6").code == 2
    ended = run("score", model, table, "-o", out, "--force", "--alerts-per-day", "6", "--rows-per-day", "24")
    assert ended.code == 0, ended.err
    both = run("score", model, table, "-o", out, "--fdr", "0.1", "--alerts-per-day", "5")
    assert "only one of" in both.err

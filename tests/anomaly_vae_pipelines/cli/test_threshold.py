"""``anomaly-vae threshold``."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anomaly_vae import load
from anomaly_vae_pipelines.runs.fit import fit_file
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table

QUICK = {"max_steps": 20, "hidden_sizes": (8,), "validation_fraction": 0.5, "random_state": 0}


@pytest.mark.parametrize(
    ("option", "value", "rate"),
    [("--false-alarm-rate", "0.25", 0.25), ("--contamination", "0.1", None), ("--offset", "-3.2", None)],
)
def test_a_threshold_moves_in_three_ways(run, model, tmp_path, option, value, rate):
    """The new model is written, the old one is as it was, and nothing is fitted again."""
    path = str(tmp_path / "moved.avae")
    before = load(model)
    ended = run("threshold", model, option, value, "-o", path)
    after = load(path)
    assert ended.code == 0
    assert after.false_alarm_rate_ == rate
    assert after.offset_ != before.offset_ == load(model).offset_
    np.testing.assert_array_equal(after.calibration_scores_, before.calibration_scores_)
    assert f"{after.offset_:.4g} nats" in ended.out


@pytest.mark.parametrize("options", [[], ["--offset", "0", "--contamination", "0.1"]])
def test_exactly_one_way_is_given(run, model, tmp_path, options):
    """None and two are bad usage."""
    ended = run("threshold", model, *options, "-o", str(tmp_path / "moved.avae"))
    assert ended.code == 2
    assert "one of --" in ended.err


@pytest.mark.parametrize(
    "options", [["--false-alarm-rate", "1e-9"], ["--offset", "nan"], ["--contamination", "0.9"]]
)
def test_a_threshold_that_cannot_be_is_refused(run, model, tmp_path, options):
    """An error is reported, and no model is written."""
    path = tmp_path / "moved.avae"
    ended = run("threshold", model, *options, "-o", str(path))
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert not path.exists()


def test_a_model_can_be_replaced_by_its_moved_self(run, model, tmp_path):
    """With --force the output may be the input."""
    path = str(tmp_path / "moved.avae")
    assert run("threshold", model, "--offset", "1", "-o", path).code == 0
    assert run("threshold", path, "--offset", "2", "-o", path).code == 2
    assert run("threshold", path, "--offset", "2", "-o", path, "--force").code == 0
    assert load(path).offset_ == 2.0


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A model with rows enough held out for a tail."""
    directory = tmp_path_factory.mktemp("calibrated")
    table = write_table(directory / "train.csv", COLUMNS, orders(400))
    path = str(directory / "model.avae")
    fit_file(table, path, left_out=["code", "label"], parameters=QUICK)
    return path


@pytest.fixture
def moved(run, calibrated, tmp_path):
    """Move that model's threshold; gives how it ended and the file of the new model."""

    def invoke(*options, model=calibrated):
        path = str(tmp_path / "moved.avae")
        return run("threshold", model, "-o", path, "--force", *options), path

    return invoke


def events(tmp_path, *times):
    return write_table(tmp_path / "events.csv", ["when", "x"], [[time, "1"] for time in times])


@pytest.mark.parametrize("rate", ["1e-3", "0.3"])
def test_a_tail_estimates_what_cannot_be_guaranteed(run, moved, rate):
    """The new model says that its rate is estimated, where it is, and so does inspect."""
    ended, path = moved("--false-alarm-rate", rate, "--tail", "gpd")
    assert ended.code == 0, ended.err
    expected = "gpd" if rate == "1e-3" else "empirical"
    assert load(path).tail_ == json.loads(run("inspect", path, "--json").out)["threshold"]["tail"] == expected
    for text in (ended.out, run("inspect", path).out):
        assert ("estimated)" in text) == (expected == "gpd")


def test_the_error_of_a_rate_that_is_too_low_has_the_ways_to_fix_it(moved):
    """How many rows it needs, and what estimates it."""
    ended, _ = moved("--false-alarm-rate", "1e-5")
    assert ended.code == 2
    assert "it needs 99,999" in ended.err
    assert "--tail gpd" in ended.err


def test_a_tail_needs_rows_too(moved, tmp_path):
    """It cannot be estimated from a few calibration rows."""
    table, model = write_table(tmp_path / "few.csv", COLUMNS, orders(70)), str(tmp_path / "few.avae")
    fit_file(table, model, left_out=["code"], parameters=QUICK)
    ended, _ = moved("--false-alarm-rate", "1e-5", "--tail", "gpd", model=model)
    assert ended.code == 2
    assert "a tail of 35 held-out rows cannot be estimated" in ended.err


def test_a_budget_is_a_false_alarm_rate(moved, tmp_path):
    """Rows per day are given, or measured from a column of times."""
    table = events(
        tmp_path, "2026-01-01T00:00", "2026-01-02T12:00", "", "2026-01-01T12:00", "2026-01-03T00:00"
    )
    for rows in (["--rows-per-day", "2"], ["--time", "when", "--in", table]):
        ended, path = moved("--alerts-per-day", "0.5", *rows)
        assert ended.code == 0, ended.err
        assert load(path).false_alarm_rate_ == 0.25
    ended, path = moved("--alerts-per-day", "5", "--rows-per-day", "1e6", "--tail", "gpd")
    assert (load(path).false_alarm_rate_, load(path).tail_) == (5e-6, "gpd")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--alerts-per-day", "5"], "needs --rows-per-day, or --time and --in"),
        (
            ["--alerts-per-day", "5", "--time", "when"],
            "needs --rows-per-day, or --time and --in",
        ),
        (
            ["--alerts-per-day", "5", "--in", "x.csv", "--rows-per-day", "9"],
            "needs --rows-per-day, or --time",
        ),
        (["--offset", "0", "--rows-per-day", "9"], "need --alerts-per-day"),
        (["--offset", "0", "--tail", "gpd"], "--tail needs a false-alarm rate"),
        (["--alerts-per-day", "5", "--false-alarm-rate", "0.1"], "Give only one of"),
        (["--alerts-per-day", "9", "--rows-per-day", "9"], "is an alert for every row"),
        (["--alerts-per-day", "0", "--rows-per-day", "9"], "--alerts-per-day"),
        (["--false-alarm-rate", "0.1", "--tail", "fat"], "'fat' is not one of 'empirical', 'gpd'"),
    ],
)
def test_what_does_not_go_together_is_refused(moved, options, words):
    """No option is silently ignored."""
    ended, _ = moved(*options)
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_times_that_tell_nothing_are_refused(moved, tmp_path):
    """By column and line, with the way out."""
    budget = ["--alerts-per-day", "1", "--in"]
    ended, _ = moved(*budget, events(tmp_path, "2026-01-01", "2026-01-01"), "--time", "when")
    assert "contains only one time in 2 rows" in ended.err
    ended, _ = moved(*budget, events(tmp_path, "2026-01-01", "noon"), "--time", "when")
    assert "events.csv, line 3: column 'when': wanted a time" in ended.err
    ended, _ = moved(*budget, events(tmp_path, "2026-01-01", "noon"), "--time", "wen")
    assert "did you mean 'when'?" in ended.err


def test_recent_rows_make_new_p_values(run, model, unseen, tmp_path):
    """With the rule of the model or with another threshold; the history names the file."""
    path = str(tmp_path / "recent.avae")
    ended = run("threshold", model, "-o", path, "--calibrate", unseen)
    assert ended.code == 0, ended.err
    assert f"on 40 rows of {unseen}" in ended.out
    assert unseen in run("inspect", path).out
    assert load(path).false_alarm_rate_ == load(model).false_alarm_rate_
    ended = run("threshold", model, "-o", path, "--force", "--calibrate", unseen, "--offset", "-7")
    assert ended.code == 0
    assert load(path).offset_ == -7
    assert run("threshold", model, "-o", unseen, "--force", "--calibrate", unseen).code == 2

"""What an alert says, what cools down, and what is silent."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from anomaly_vae_pipelines.alerting import load_alerter
from anomaly_vae_pipelines.alerting.wording import message, title
from anomaly_vae_pipelines.errors import AlertingWarning, UnknownNameError
from tests.anomaly_vae_pipelines.alerting.streams import START, FakeClock, alerter, scored

SCORE = '[[rule]]\nname = "odd"\nkind = "score"\n'
TIMED = 'time = "when"\nkey = ["host"]\ncooldown = "1h"\n' + SCORE


def test_an_alert_says_what_when_how_unlikely_which_columns_and_which_rows(tmp_path):
    """Nothing has to be looked up to act on it."""
    batch = scored([False, True, True], when=[f"2026-01-0{d}T12:00:00Z" for d in (1, 2, 2)], host=["a"] * 3)
    (alert,) = alerter(tmp_path, TIMED).observe(batch)
    assert alert.what == "2 rows; worst is line 3 at -90 nats, because amount=3 (expected 20.5)"
    assert (alert.time, alert.p_value) == ("2026-01-02T12:00:00.000Z", 1e-4)
    assert [(r.column, r.observed, r.expected) for r in alert.columns] == [("amount", "3", "20.5")]
    assert [(row.source, row.number, row.score) for row in alert.rows] == [
        ("rows.csv", 3, -90.0),
        ("rows.csv", 4, -90.0),
    ]
    assert (alert.rule, alert.kind, alert.severity, alert.key) == ("odd", "score", "warning", {"host": "a"})
    assert title(alert) == f"[warning] odd host=a: {alert.what}"
    assert "columns: amount=3 (expected 20.5)" in message(alert)
    assert "rows: rows.csv 3, 4" in message(alert)


def test_columns_are_all_that_rules_keys_and_time_need(tmp_path):
    """A source parses these and no more."""
    rules = (
        TIMED + '[[rule]]\nname = "m"\nkind = "missing"\ncolumns = ["city"]\nshare = 0.1\nkey = ["site"]\n'
    )
    assert alerter(tmp_path, rules).columns == ("when", "host", "site", "city")


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path):
    """Before a row is judged."""
    with pytest.raises(UnknownNameError, match=r"no column 'when'.*did you mean 'whenn'"):
        alerter(tmp_path, TIMED).observe(scored([True], whenn=["0"], host=["a"]))


def test_times_of_a_typed_column_are_read(tmp_path):
    """Parquet gives timestamps, not text."""
    batch = scored([True], when=["x"], host=["a"])
    table = batch.rows.table.set_column(1, "when", pa.array([10**9 * START], pa.timestamp("ns", "UTC")))
    rows = type(batch.rows)("x", batch.rows.columns, table, batch.rows.numbers)
    batch = replace(batch, rows=rows, reasons={})
    (alert,) = alerter(tmp_path, TIMED).observe(batch)
    assert alert.time == "2023-11-14T22:13:20.000Z"


def test_a_bad_time_after_good_ones_does_not_end_a_watch(tmp_path):
    """However few rows come at a time: the row has the time of the one before."""
    watched = alerter(tmp_path, TIMED)
    watched.observe(scored([True], when=["2026-01-01T12:00:00Z"], host=["a"]))
    with pytest.warns(AlertingWarning, match="1 cells are not a time, the first 'x'"):
        (alert,) = watched.observe(scored([True], when=["x"], host=["b"]))
    assert alert.time == "2026-01-01T12:00:00.000Z"


def test_a_summary_is_plain(tmp_path):
    """What a run did, by sink."""
    current = alerter(tmp_path, SCORE)
    current.observe(scored([True]))
    current.observe(scored([True]))
    summary = current.close()
    assert (summary.n_alerts, summary.n_suppressed) == (1, 1)
    assert (summary.n_delivered, summary.n_spooled, summary.n_refused) == (
        {"jsonl": 1},
        {"jsonl": 0},
        {"jsonl": 0},
    )
    assert json.loads((tmp_path / "alerts.jsonl").read_text())["rule"] == "odd"
    assert current.close() == summary


def test_a_clock_that_stands_groups_all_rows(tmp_path):
    """Without a time column the cool-down is one of the clock."""
    fake = FakeClock()
    current = alerter(tmp_path, '[[rule]]\nname = "r"\nkind = "score"\n', clock=fake.clock)
    (alert,) = current.observe(scored([True] * 3))
    assert (alert.n_rows, alert.first, alert.last, len(alert.rows)) == (3, 2, 4, 3)
    fake.time += 3599
    assert not current.observe(scored([True]))
    fake.time += 1
    assert len(current.observe(scored([True]))) == 1
    assert current.close().n_suppressed == 1


def test_the_environment_is_that_of_the_process_unless_another_is_given(tmp_path):
    """The public door needs the file alone."""
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nname = "r"\nkind = "score"\n[[sink]]\nkind = "jsonl"\npath = "-"\n')
    assert load_alerter(path).prints

"""What an alert says, what cools down, and what is silent."""

from __future__ import annotations

import json
import time

import pyarrow as pa
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.times import duration_text, row_times, seconds_of, time_of
from anomaly_vae_pipelines.alerting.wording import message, title
from anomaly_vae_pipelines.errors import AlertingWarning, UnknownNameError
from tests.anomaly_vae_pipelines.alerting.streams import START, FakeClock, alerter, delivered, scored

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


def test_an_alert_reads_back_from_its_json(tmp_path):
    """What waits on disk is what was raised; numbers that JSON doesn't know are null."""
    (alert,) = alerter(tmp_path, SCORE).observe(scored([True], scores=[float("-inf")], source="\udcff.csv"))
    assert Alert.from_json(alert.to_json()) == alert
    assert alert.rows[0].score is None
    assert alert.to_json().encode()


def test_an_alert_shows_twenty_rows_and_counts_all(tmp_path):
    """An alert is a message, not a table."""
    (alert,) = alerter(tmp_path, SCORE).observe(scored([True] * 50))
    assert (len(alert.rows), alert.n_rows, alert.first, alert.last) == (20, 50, 2, 51)
    assert "50 in all" in message(alert)


def test_each_key_cools_down_by_itself(tmp_path):
    """A host that was reported does not keep another quiet; after the cool-down it is reported again."""
    hours = [0, 0, 0.5, 0.99, 1, 1.5, 3]
    batch = scored(
        [True] * 7, when=[START + 3600 * h for h in hours], host=["a", "b", *"aaaba"[:3], "b", "a"]
    )
    alerts = alerter(tmp_path, TIMED).observe(batch)
    assert [(alert.key["host"], alert.first) for alert in alerts] == [
        ("a", 2),
        ("b", 3),
        ("a", 6),
        ("b", 7),
        ("a", 8),
    ]
    assert [alert.n_rows for alert in alerts] == [3, 1, 1, 1, 1]


def test_one_time_in_the_far_future_does_not_silence_a_rule(tmp_path):
    """A cool-down reaches no further than it is long, in both directions."""
    batch = scored([True] * 3, when=["2099-01-01", f"{START}", f"{START + 7200}"], host=["a"] * 3)
    assert len(alerter(tmp_path, TIMED).observe(batch)) == 3


def test_a_run_that_goes_on_counts_each_row_once(tmp_path):
    """Runs that overlap share rows."""
    rule = '[[rule]]\nname = "run"\nkind = "run"\nk = 3\nn = 5\n'
    (alert,) = alerter(tmp_path, rule).observe(scored([True] * 30))
    assert (alert.n_rows, len(alert.rows), alert.rows[0].number) == (30, 20, 2)


def test_what_is_silent_raises_an_alert_until_it_is_heard(tmp_path):
    """Each host by itself, by the clock; a silence that lasts comes again after the cool-down."""
    fake = FakeClock()
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\nkey = ["host"]\ncooldown = "1h"\n'
    current = alerter(tmp_path, rule, clock=fake.clock)
    current.observe(scored([False, False], host=["a", "b"]))
    fake.time += 300
    current.observe(scored([False], host=["b"]))
    fake.time += 300
    (alert,) = current.tick()
    assert (alert.key, alert.what, alert.first) == ({"host": "a"}, "no row for 10m (at most 10m)", 2)
    assert [a.key["host"] for a in current.tick(fake.time + 600)] == ["b"]
    fake.time += 4200
    assert {a.key["host"] for a in current.tick()} == {"a", "b"}
    current.observe(scored([False, False], host=["a", "b"]))
    fake.time += 3600
    assert {a.key["host"] for a in current.tick()} == {"a", "b"}
    assert len({a.id for a in delivered(tmp_path)}) == len(delivered(tmp_path)) == 6


def test_a_silence_counts_from_the_start_of_a_run(tmp_path):
    """While nobody read there was no silence; a source that says nothing at all is silent."""
    fake = FakeClock()
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\n'
    before = alerter(tmp_path, rule, clock=fake.clock)
    before.observe(scored([False]))
    before.close(ended=False)
    fake.time += 86400
    current = alerter(tmp_path, rule, clock=fake.clock)
    assert not current.tick(fake.time + 599)
    assert len(current.tick(fake.time + 600)) == 1
    assert not current.tick(fake.time + 1199)
    assert not current.tick(fake.time + 1200)
    assert current.close(ended=False).n_suppressed == 1
    unheard = alerter(tmp_path, rule, clock=fake.clock, state=None)
    (alert,) = unheard.tick(fake.time + 600)
    assert (alert.source, alert.first, alert.n_rows) == ("", 0, 0)


def test_a_run_without_any_row_is_silent(tmp_path):
    """An empty file is no good news."""
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\n'
    empty = alerter(tmp_path, rule)
    empty.observe(scored([]))
    assert empty.close().n_alerts == 1
    (alert,) = delivered(tmp_path)
    assert alert.what == "the source has no row"
    full = alerter(tmp_path, rule, state=None)
    full.observe(scored([False]))
    assert full.close().n_alerts == 0


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


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01 01:00:00+01:00", 0.0),
        ("1970-01-01 00:00:01.500000000", 1.5),
        ("1.5e3", 1500.0),
        (" 12 ", 12.0),
        ("1.5e-3", 0.0015),
        ("19700101T000001", 1.0),
    ],
)
def test_a_time_is_iso_or_seconds(cell, seconds, monkeypatch):
    """Without a zone it is UTC, whatever the machine's."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert time_of(cell) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("cell", ["", "noon", "nan", "inf", "1700000000000", "-5", "2026-13-01"])
def test_what_is_no_time_is_unknown(cell):
    """Milliseconds are no seconds."""
    assert time_of(cell) != time_of(cell)


def test_a_row_without_a_time_has_that_of_the_row_before():
    """Cells that are no time are told of; a column without any time is an error."""
    assert row_times("t", ["", "5", "", "7"], before=1.0).tolist() == [1.0, 5.0, 5.0, 7.0]
    with pytest.warns(AlertingWarning, match="1 cells are not a time, the first 'x'"):
        assert row_times("t", ["5", "x"], before=1.0).tolist() == [5.0, 5.0]
    with pytest.raises(InputError, match="time column 't': wanted ISO 8601, or seconds"):
        row_times("t", ["", "x"], before=1.0)


def test_times_of_a_typed_column_are_read(tmp_path):
    """Parquet gives timestamps, not text."""
    batch = scored([True], when=["x"], host=["a"])
    table = batch.rows.table.set_column(1, "when", pa.array([10**9 * START], pa.timestamp("ns", "UTC")))
    rows = type(batch.rows)("x", batch.rows.columns, table, batch.rows.numbers)
    batch = type(batch)(rows, batch.scores, batch.p_values, batch.is_anomaly, {})
    (alert,) = alerter(tmp_path, TIMED).observe(batch)
    assert alert.time == "2023-11-14T22:13:20.000Z"


def test_durations_read_back(tmp_path):
    """Units are seconds, minutes, hours and days."""
    for text in ("30s", "15m", "2h", "1d", "90m"):
        assert duration_text(seconds_of(text)) == text
    for text in ("", "5", "m", "-5m", "5 weeks", "1m30s"):
        with pytest.raises(ValueError, match=f"^{text}$"):
            seconds_of(text)


def test_too_many_keys_are_forgotten_with_a_word():
    """The oldest goes, and the rule is named once."""
    memory: ByKey[int] = ByKey("odd", max_keys=2)
    memory.put(("a",), 1)
    memory.put(("b",), 2)
    memory.put(("a",), 1)
    with pytest.warns(AlertingWarning, match="rule 'odd': its key has more than 2 values"):
        memory.put(("c",), 3)
    assert [key for key, _ in memory.items()] == [("a",), ("c",)]
    memory.put(("d",), 4)
    assert [key for key, _ in memory.items()] == [("c",), ("d",)]


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

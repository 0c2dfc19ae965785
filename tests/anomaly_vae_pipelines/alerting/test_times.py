"""Times of rows and durations, as people write them."""

from __future__ import annotations

import time

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.times import duration_text, row_times, seconds_of, time_of
from anomaly_vae_pipelines.errors import AlertingWarning


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


def test_durations_read_back(tmp_path):
    """Units are seconds, minutes, hours and days."""
    for text in ("30s", "15m", "2h", "1d", "90m"):
        assert duration_text(seconds_of(text)) == text
    for text in ("", "5", "m", "-5m", "5 weeks", "1m30s"):
        with pytest.raises(ValueError, match=f"^{text}$"):
            seconds_of(text)

"""The keys of a silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.silence_sections import moment_from
from anomaly_vae_pipelines.errors import AlertingWarning
from tests.anomaly_vae_pipelines.alerting.streams import alerter

RULES = 'key = ["host"]\n[[rule]]\nname = "drop"\nkind = "share"\nshare = 0.5\nwindow = 2\n'
WHO = 'created_by = "ana"\ncomment = "migration"\n'


@pytest.mark.parametrize(
    "value",
    [
        date(2026, 3, 1),
        datetime(2026, 3, 1),
        datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        "2026-03-01",
        "2026-03-01T02:00:00+02:00",
    ],
)
def test_a_moment_has_many_forms(value):
    """UTC without a zone."""
    assert moment_from(value) == datetime(2026, 3, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ends_at = "soon"\nmatchers = ["host=a"]', "silence 1: ends_at must be a date or a time, such as"),
        ('ends_at = true\nmatchers = ["host=a"]', "ends_at must be a date"),
        ('matchers = ["host=a"]', "ends_at is missing; give a date or a time"),
        ("ends_at = 2030-01-01\nmatchers = []", "matchers must be a list of matchers such as"),
        ('ends_at = 2030-01-01\nmatchers = ["host"]', "silence 1: matcher 'host': wanted a name"),
        ('ends_at = 2030-01-01\nmatchers = ["host=~("]', "is not a valid regular expression"),
        ('ends_at = 2030-01-01\nmatchers = ["host=a"]\nstarts_at = 2030-01-01', "ends_at must be later"),
        ('ends_at = 2030-01-01\nmatchers = ["host=a"]\nends_on = 3', "did you mean 'ends_at'"),
        ('ends_at = 2030-01-01\nmatchers = ["rule=dorp"]', "no rule 'dorp'; did you mean 'drop'"),
        ('ends_at = 2030-01-01\nmatchers = ["city=x"]', "applies to no rule: 'city' must be key columns"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, message):
    """With the silence and its key."""
    with pytest.raises(InputError, match=message):
        alerter(tmp_path, f"{RULES}\n[[silence]]\n{text}\n{WHO}")


@pytest.mark.parametrize("key", ["created_by", "comment"])
def test_a_silence_says_who_and_why(tmp_path, key):
    """Otherwise no later reader knows whether it may be removed."""
    others = "".join(line + "\n" for line in WHO.splitlines() if not line.startswith(key))
    table = f'[[silence]]\nends_at = 2030-01-01\nmatchers = ["host=a"]\n{others}'
    with pytest.raises(InputError, match=f"silence 1: {key} is missing"):
        alerter(tmp_path, f"{RULES}\n{table}")


@pytest.mark.parametrize(("time", "effect"), [("", "is ignored"), ('time = "t"\n', "only rows of before")])
def test_a_silence_that_ended_is_noted(tmp_path, time, effect):
    """It stays in the file until someone removes it."""
    table = f'[[silence]]\nends_at = 2020-01-01\nmatchers = ["host=a"]\n{WHO}'
    with pytest.warns(AlertingWarning, match=rf"silence 1 \(migration\): ended at 2020-01-01.*{effect}"):
        alerter(tmp_path, f"{time}{RULES}\n{table}")


def test_columns_of_matchers_are_read(tmp_path):
    """Besides those of rules."""
    rules = RULES + '[[rule]]\nname = "odd"\nkind = "score"\n'
    table = f'[[silence]]\nends_at = 2030-01-01\nmatchers = ["city=x", "rule=odd"]\n{WHO}'
    assert alerter(tmp_path, f"{rules}\n{table}").columns == ("host", "city")

"""Alerts are JSON and read back from it; their ids depend on rule, key and first row alone."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.records import AlertRow, RowLocation, alert_id, iso_time, worse
from anomaly_vae_pipelines.alerting.times import time_of
from anomaly_vae_pipelines.alerting.wording import message, row_text
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

SCORE = '[[rule]]\nname = "odd"\nkind = "score"\n'


def test_an_alert_reads_back_from_its_json(tmp_path):
    """What waits on disk is what was raised; numbers that JSON doesn't know are null."""
    (alert,) = alerter(tmp_path, SCORE).observe(scored([True], scores=[float("-inf")], source="\udcff.csv"))
    assert Alert.from_json(alert.to_json()) == alert
    assert alert.rows[0].score is None
    assert alert.to_json().encode()


def test_an_alert_that_waited_since_an_older_version_is_read(tmp_path):
    """It has neither ids nor a worst row."""
    (alert,) = alerter(tmp_path, SCORE).observe(scored([True]))
    values = json.loads(alert.to_json())
    del values["worst"]
    for row in values["rows"]:
        del row["ids"], row["name"]
    old = Alert.from_json(json.dumps(values))
    assert old.worst is None
    assert message(old)
    assert row_text(old.rows[0], "rows.csv").startswith("line 2 at -90 nats")


LOCATIONS = st.builds(RowLocation, st.text(max_size=3), st.integers(0, 9), st.text("0f", max_size=2))


PARTS = st.tuples(st.text(max_size=3), st.tuples(st.text(max_size=2)), LOCATIONS)


@given(one=PARTS, other=PARTS)
def test_an_id_is_that_of_a_rule_a_key_and_a_row(one, other):
    """Equal parts give equal ids, and different parts different ones."""
    assert (alert_id(*one) == alert_id(*other)) == (one == other)
    assert re.fullmatch("[0-9a-f]{32}", alert_id(*one))


def test_the_worse_row_is_that_with_the_lower_score():
    """A score that JSON cannot represent is minus infinity; of equal scores the first counts."""
    low, high, least = (AlertRow("rows.csv", n, score, None) for n, score in enumerate([-9.0, -1.0, None]))
    assert worse(high, low) is worse(low, high) is low
    assert worse(low, least) is worse(least, low) is least
    assert worse(None, low) is worse(low, None) is low
    twin = AlertRow("rows.csv", 7, -9.0, None)
    assert worse(low, twin) is low


def test_a_time_is_shown_in_utc_to_the_millisecond():
    """It reads back as the same time."""
    assert iso_time(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
    assert time_of(iso_time(1_700_000_000.25)) == 1_700_000_000.25

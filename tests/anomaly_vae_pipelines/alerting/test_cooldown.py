"""One alert for each rule and key in a cool-down."""

from __future__ import annotations

import json

import numpy as np

from anomaly_vae_pipelines.alerting.cooldown import Cooldown
from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import ScoreRule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.wording import message
from tests.anomaly_vae_pipelines.alerting.streams import START, alerter, scored

SCORE = '[[rule]]\nname = "odd"\nkind = "score"\n'


TIMED = 'time = "when"\nkey = ["host"]\ncooldown = "1h"\n' + SCORE


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


def test_the_worst_window_of_several_is_what_an_alert_speaks_of(tmp_path):
    """Not the first: what it says and what it measured belong together."""
    rule = '[[rule]]\nname = "odd"\nkind = "share"\nshare = 0.2\nwindow = 5\n'
    flags = [True, False, False, False, False] + [True] * 4 + [False]
    (alert,) = alerter(tmp_path, rule).observe(scored(flags))
    assert alert.what.startswith("80 % of rows count (anomalous) in 5 rows (the worst of 2 windows)")
    assert alert.measures["share"] == 0.8


def test_a_match_in_a_later_batch_is_suppressed_and_in_the_same_batch_joins():
    """An alert that was sent is not changed."""
    options = RuleOptions("odd", cooldown=60.0)
    cooldown = Cooldown(ScoreRule(options, Limit()))
    first = TimedRows(scored([True, True]), np.array([0.0, 59.0]))
    later = TimedRows(scored([True, True], start=4), np.array([59.5, 60.0]))
    alerts = [cooldown.alerts(cooldown.rule.find(timed), timed) for timed in (first, later)]
    assert [[(at, alert.first, alert.n_rows) for at, alert in batch] for batch in alerts] == [
        [(0, 2, 2)],
        [(1, 5, 1)],
    ]
    assert cooldown.n_suppressed == 1
    restored = Cooldown(cooldown.rule)
    restored.set_state(json.loads(json.dumps(cooldown.get_state())))
    assert not restored.alerts(cooldown.rule.find(later), later)

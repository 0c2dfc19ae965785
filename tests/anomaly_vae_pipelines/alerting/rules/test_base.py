"""What every rule has: options, columns and settings; the base rule finds nothing."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import RunRule, ScoreRule
from anomaly_vae_pipelines.alerting.rules.window_rules import MissingRule, ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from tests.anomaly_vae_pipelines.alerting.matching import found
from tests.anomaly_vae_pipelines.alerting.streams import scored

OPTIONS = RuleOptions("odd", key=("host",))


def test_a_rule_has_the_name_of_its_options_and_reads_its_key():
    """The base of all rules finds nothing and has no state."""
    rule = Rule(OPTIONS)
    assert (rule.name, rule.columns, rule.get_state()) == ("odd", ("host",), None)
    assert not found(rule, scored([True] * 3, host=["a"] * 3))


@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        (ScoreRule(OPTIONS, Limit(below=-5.0)), "score ('host',)"),
        (RunRule(OPTIONS, Limit(), 2, 5), "run ('host',) anomalous 5"),
        (
            ShareRule(OPTIONS, Window(7), Limit(p_value=0.05), 0.1),
            "share ('host',) 7 rows p-value up to 0.05",
        ),
        (
            ShareRule(OPTIONS, Window(), Limit(below=-5.0), 0.1),
            "share ('host',) the whole run score under -5 nats",
        ),
        (MissingRule(OPTIONS, Window(None, 1800.0), ["a"], 0.1), "missing ('host',) 30m ('a',)"),
    ],
)
def test_settings_never_change_their_text(rule, settings):
    """They are in saved states: with another text, a rule would start over after an update."""
    assert rule.settings == settings


def test_a_heading_names_the_worst_row_if_there_is_one():
    """It follows what was found."""
    match = Match((), 0.0, 0, "3 of 5 rows count", None)
    assert Rule(OPTIONS).heading(match, 1, 3, "line 4") == "3 of 5 rows count; worst is line 4"
    assert Rule(OPTIONS).heading(match, 1, 3, "") == "3 of 5 rows count"

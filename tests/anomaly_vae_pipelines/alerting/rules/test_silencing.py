"""Silences: what they take, and what they count."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.alerting.rules.silencing import Matcher, parse_matcher
from tests.anomaly_vae_pipelines.alerting.streams import START, FakeClock, alerter, delivered, parts, scored

SCORE = 'key = ["host"]\n[[rule]]\nname = "odd"\nkind = "score"\n'
SHARE = '[[rule]]\nname = "many"\nkind = "share"\nshare = 0.5\nwindow = 2\n'


def silence(matchers: str, more: str = "ends_at = 2030-01-01") -> str:
    """A table of a silence."""
    return f'\n[[silence]]\nmatchers = [{matchers}]\n{more}\ncreated_by = "ana"\ncomment = "migration"\n'


def alerts_of(tmp_path, rules, batch, **options):
    current = alerter(tmp_path, rules, **options)
    current.observe(batch)
    summary = current.close()
    return [(alert.rule, *alert.key.values(), alert.n_rows) for alert in delivered(tmp_path)], summary


def rows(n_rows=4):
    return scored([True] * n_rows, host=["a", "b"] * (n_rows // 2), city=["x"] * (n_rows - 1) + [""])


@pytest.mark.parametrize(
    ("matchers", "alerts", "n_silenced"),
    [
        ("'host=\"a\"'", [("odd", "b", 2), ("many", "b", 2)], 3),
        ("'host!=a'", [("odd", "a", 2), ("many", "a", 2)], 3),
        ("'host=~\"a|c\"', 'rule=odd'", [("odd", "b", 2), ("many", "a", 2), ("many", "b", 2)], 2),
        ("'host=~\"A\"'", [("odd", "a", 2), ("odd", "b", 2), ("many", "a", 2), ("many", "b", 2)], 0),
        ("'kind=share'", [("odd", "a", 2), ("odd", "b", 2)], 2),
        ("'severity!~\"info|critical\"'", [], 6),
        # A column that is not a key: of single rows alone.
        ("'city=\"\"'", [("odd", "a", 2), ("odd", "b", 1), ("many", "a", 2), ("many", "b", 2)], 1),
        ("'city=x', 'host=a'", [("odd", "b", 2), ("many", "a", 2), ("many", "b", 2)], 2),
    ],
)
def test_matchers_choose_what_is_silenced(tmp_path, matchers, alerts, n_silenced):
    """All matchers must hold; the other matches raise their alerts."""
    found, summary = alerts_of(tmp_path, SCORE + SHARE + silence(matchers), rows())
    assert sorted(found) == sorted(alerts)
    assert summary.n_silenced == n_silenced


def test_a_silence_lasts_from_its_start_to_its_end(tmp_path):
    """By the time of the rows, if they have one."""
    when = [f"2026-03-0{day}T00:00:00Z" for day in (1, 2, 3, 4)]
    rules = 'time = "when"\ncooldown = "1s"\n[[rule]]\nname = "odd"\nkind = "score"\n'
    dates = "starts_at = 2026-03-02\nends_at = 2026-03-04T00:00:00Z"
    _, summary = alerts_of(tmp_path, rules + silence("'rule=odd'", dates), scored([True] * 4, when=when))
    assert (summary.n_alerts, summary.n_silenced) == (2, 2)
    assert [alert.time[:10] for alert in delivered(tmp_path)] == ["2026-03-01", "2026-03-04"]


def test_a_silenced_match_starts_no_cool_down(tmp_path):
    """The first row after the silence raises its alert."""
    fake = FakeClock()
    end = f'ends_at = "{START + 60}"'
    current = alerter(tmp_path, SCORE + silence("'host=a'", end), clock=fake.clock)
    assert not current.observe(scored([True], host=["a"]))
    fake.time += 60
    assert len(current.observe(scored([True], host=["a"]))) == 1


@pytest.mark.parametrize("cut", [0, 1, 3, 6])
def test_counts_outlive_a_restart_and_do_not_depend_on_batches(tmp_path, cut):
    """The state has them by silence, with the last row; those of a silence that is gone are dropped."""
    rules = SCORE + silence("'host=a'") + silence("'host=b', 'city=\"\"'")
    for batch in parts(rows(6), [cut]):
        current = alerter(tmp_path, rules, ids=["host"])
        current.observe(batch)
        current.close()
    counts = list(json.loads((tmp_path / "state.json").read_text())["silences"].values())
    assert [(count[0], count[2]) for count in counts] == [
        (3, "odd: host=a (line 6)"),
        (1, "odd: host=b (line 7)"),
    ]
    alerter(tmp_path, SCORE).close()
    assert json.loads((tmp_path / "state.json").read_text())["silences"] == {}


names = st.text(st.characters(exclude_characters='=!~"', exclude_categories=["Z", "C"]), min_size=1)


@given(names, st.sampled_from(["=", "!="]), st.text(st.characters(exclude_characters="\\")))
def test_a_matcher_reads_what_it_writes(name, operator, value):
    """And matches its own value, or all but that."""
    matcher = Matcher(name, operator, value)
    assert parse_matcher(str(matcher)) == matcher
    assert matcher.matches(value) == (operator == "=")
    assert matcher.matches(value + "x") == (operator == "!=")


@pytest.mark.parametrize("text", ["", "host", "host==a", '="a"', 'host="a', 'host=~"("', "host>3"])
def test_what_is_not_a_matcher_is_refused(text):
    """With what was wanted."""
    with pytest.raises(ValueError, match="wanted a name|not a valid regular expression"):
        parse_matcher(text)

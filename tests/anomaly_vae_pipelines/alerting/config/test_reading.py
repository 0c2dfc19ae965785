"""Files of rules: what is right becomes objects, what is wrong is told with file, table, key and way out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alert, load_alerter, verify
from anomaly_vae_pipelines.alerting.delivery.signatures import sign
from anomaly_vae_pipelines.errors import UnknownNameError
from tests.anomaly_vae_pipelines.alerting.streams import alerter

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "rules.md"
RULE = '[[rule]]\nname = "r"\n'
SINK = '\n[[sink]]\nkind = "jsonl"\npath = "-"\n'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_example_of_the_docs_is_a_file_of_rules(tmp_path):
    """Each kind of rule and sink is in it."""
    (text,) = blocks("toml")
    path = tmp_path / "rules.toml"
    path.write_text(text)
    environ = {"ALERT_URL": "https://example.org/x", "ALERT_SECRET": "s", "ALERT_URLS": "json://localhost"}
    # As many held-out rows as the model of the README has.
    current = load_alerter(path, calibration_scores=-np.arange(36.0), offset=-35.0, environ=environ)
    assert {rule.kind for rule in current._config.rules} == {
        "score",
        "share",
        "run",
        "drift",
        "missing",
        "silence",
    }
    assert [sink.name for sink in current._config.sinks] == ["jsonl", "webhook", "alertmanager", "pager"]
    assert current.columns == ("timestamp", "host", "amount", "order")


def test_the_alert_of_the_docs_is_one():
    """It has the fields that alerts have now, no more and no fewer."""
    (text,) = blocks("json")
    alert = Alert.from_json(text)
    assert json.loads(alert.to_json()) == json.loads(text)


def test_the_receiver_of_the_docs_verifies_what_we_sign():
    """Whoever copies it has no more to write."""
    names: dict[str, object] = {}
    (code,) = blocks("python")
    exec(code, names)
    signature = sign("secret", "1700000000", b"{}")
    for now, expected in ((1_700_000_010, True), (1_700_009_999, False)):
        args = ("secret", "1700000000", b"{}", signature)
        assert names["is_genuine"](*args, now) is expected
        assert verify(*args, now=now) is expected


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (RULE + 'kind = "scroe"', r"rule 1 'r': kind wants one of .*, got 'scroe'; did you mean 'score'"),
        (RULE + 'kind = "score"\nbellow = 1', r"rule 1 'r': there is no key 'bellow'.*did you mean 'below'"),
        (RULE, r"rule 1 'r': kind is missing; wanted one of score"),
        ('[[rule]]\nkind = "score"', r"rule 1: name is missing"),
        (RULE + 'kind = "score"\nbelow = 1\np_value = 0.1', "give only one of below, p_value"),
        (RULE + 'kind = "score"\np_value = 2', r"p_value wants a number from 0 to 1, got 2"),
        (RULE + 'kind = "score"\nbelow = true', r"below wants a number"),
        (RULE + 'kind = "score"\nbelow = nan', r"below wants a number"),
        (RULE + 'kind = "score"\nseverity = "fatal"', "severity wants one of info, warning, critical"),
        (
            RULE + 'kind = "score"\nkey = "host"',
            r'key wants a list of names such as \["host"\], got',
        ),
        (RULE + 'kind = "score"\ncooldown = "soon"', 'cooldown wants a duration such as "30s"'),
        (RULE + 'kind = "score"\ncooldown = 5', 'cooldown wants a duration such as "30s"'),
        (RULE + 'kind = "score"\n' + RULE + 'kind = "score"', "rule 'r' is there more than once"),
        (RULE + 'kind = "run"\nk = 3', "n is missing"),
        (RULE + 'kind = "run"\nk = 6\nn = 5', "k wants at most n = 5, got 6"),
        (RULE + 'kind = "share"\nshare = 0', "share wants a number over 0"),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = 0', "window wants a whole number from 1"),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = 1.5', "window wants a whole number from 1"),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = "0s"', "window wants a duration longer"),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = 5\nleast = 6', "least wants at most the 5 rows"),
        (RULE + 'kind = "missing"\nshare = 0.1', "columns is missing"),
        (RULE + 'kind = "silence"', "after is missing"),
        (RULE + 'kind = "drift"', "needs scores of calibration, and the model has none"),
        ("", r"\[\[rule\]\] is missing; wanted at least one rule"),
        ("rule = 5", r"rule wants tables, each under \[\[rule\]\]"),
        ('tiem = "x"\n' + RULE + 'kind = "score"', "there is no key 'tiem'.*did you mean 'time'"),
        ("rule = [", "is not TOML"),
    ],
)
def test_a_mistake_in_a_rule_is_told(tmp_path, rules, message):
    """Each with the file's name."""
    with pytest.raises(InputError, match=r"rules.toml(, |: ).*" + message.lstrip()) as caught:
        alerter(tmp_path, rules, sinks=SINK)
    assert isinstance(caught.value, UnknownNameError) == ("did you mean" in message or "fatal" in rules)


@pytest.mark.parametrize(
    ("sink", "message"),
    [
        ("", r"\[\[sink\]\] is missing"),
        ('[[sink]]\nkind = "slack"', "sink 1: kind wants one of jsonl, webhook"),
        ('[[sink]]\nkind = "jsonl"', "path is missing"),
        ('[[sink]]\nkind = "webhook"', "url is missing; wanted an address, or url_env"),
        (
            '[[sink]]\nkind = "webhook"\nurl_env = "NOT_SET"',
            "url_env names NOT_SET, and that isn't set",
        ),
        ('[[sink]]\nkind = "webhook"\nurl = "ftp://hunter2"', "the address wants to be http:// or https://"),
        (
            '[[sink]]\nkind = "webhook"\nurl = "http://[hunter2"',
            "the address wants to be http:// or https://",
        ),
        ('[[sink]]\nkind = "webhook"\nsecret = "hunter2"\nurl = "http://x"', "there is no key 'secret'"),
        ('[[sink]]\nkind = "webhook"\nurl = "http://x"\ntimeout = "0s"', "timeout wants a duration longer"),
        ('[[sink]]\nkind = "jsonl"\npath = "-"\nname = "../up"', "name wants letters"),
        ('[[sink]]\nkind = "apprise"', "urls_env is missing"),
        (SINK + SINK, "sink 'jsonl' is there more than once"),
    ],
)
def test_a_mistake_in_a_sink_is_told(tmp_path, sink, message):
    """Each with the file's name, none with the address."""
    path = tmp_path / "rules.toml"
    path.write_text(RULE + 'kind = "score"\n' + sink)
    with pytest.raises(InputError, match=r"rules.toml(, |: ).*" + message) as caught:
        load_alerter(path, environ={})
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """No stack trace for a typing error."""
    with pytest.raises(InputError, match=r"none.toml: cannot be opened"):
        load_alerter(tmp_path / "none.toml")

"""Files of rules: what is right becomes objects, what is wrong is told with file, table, key and way out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alert, load_alerter, verify
from anomaly_vae_pipelines.alerting.delivery.signatures import headers_of
from anomaly_vae_pipelines.errors import UnknownNameError
from tests.anomaly_vae_pipelines.alerting.streams import alerter

PAGE = Path(__file__).parents[4] / "docs" / "alerts.md"
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


@pytest.mark.parametrize("secret", ["secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_the_receiver_of_the_docs_verifies_what_we_sign(secret):
    """Anyone who copies it has no more to write."""
    names: dict[str, object] = {}
    (code,) = blocks("python")
    exec(code, names)
    headers = headers_of("d21c", "1700000000", b"{}", secret)
    arguments = (secret, headers["webhook-timestamp"], b"{}", headers["webhook-signature"])
    for now, expected in ((1_700_000_010, True), (1_700_009_999, False)):
        assert names["is_genuine"](secret, headers, b"{}", now) is expected
        assert verify(*arguments, now=now, webhook_id="d21c") is expected
    assert names["is_genuine"](secret, headers, b"{ }", 1_700_000_010) is False


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (RULE + 'kind = "scroe"', r"rule 1 'r': kind must be one of .*, got 'scroe'; did you mean 'score'"),
        (RULE + 'kind = "score"\nbellow = 1', r"rule 1 'r': there is no key 'bellow'.*did you mean 'below'"),
        (RULE, r"rule 1 'r': kind is missing; give one of score"),
        ('[[rule]]\nkind = "score"', r"rule 1: name is missing; give a name that no other rule has"),
        (RULE + 'kind = "score"\nbelow = 1\np_value = 0.1', "give only one of below, p_value"),
        (RULE + 'kind = "score"\np_value = 2', r"p_value must be a number from 0 to 1, got 2"),
        (RULE + 'kind = "score"\nbelow = true', r"below must be a number"),
        (RULE + 'kind = "score"\nbelow = nan', r"below must be a number"),
        (RULE + 'kind = "score"\nseverity = "fatal"', "severity must be one of info, warning, critical"),
        (
            RULE + 'kind = "score"\nkey = "host"',
            r'key must be a list of names such as \["host"\], got',
        ),
        (RULE + 'kind = "score"\ncooldown = "soon"', 'cooldown must be a duration such as "30s"'),
        (RULE + 'kind = "score"\ncooldown = 5', 'cooldown must be a duration such as "30s"'),
        (RULE + 'kind = "score"\n' + RULE + 'kind = "score"', "rule 'r' is there more than once"),
        (RULE + 'kind = "run"\nk = 3', "n is missing; give .*: how many rows to look at"),
        (RULE + 'kind = "run"\nk = 6\nn = 5', "k must be at most n = 5, got 6"),
        (RULE + 'kind = "share"\nshare = 0', "share must be a number over 0"),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = 0',
            r"window must be a whole number from 1 \(rows\), or a duration.*, got (0|1.5)$",
        ),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = 1.5',
            r"window must be a whole number from 1 \(rows\), or a duration.*, got (0|1.5)$",
        ),
        (
            RULE + 'kind = "share"\nshare = 0.1\nwindow = "0s"',
            "window must be .* a duration longer than 0.*, got '0s'",
        ),
        (RULE + 'kind = "share"\nshare = 0.1\nwindow = 5\nleast = 6', "least must be at most the 5 rows"),
        (RULE + 'kind = "missing"\nshare = 0.1', "columns is missing"),
        (
            RULE + 'kind = "missing"\nshare = 0.1\ncolumns = []',
            r"columns must be a list of columns.*, got \[\]",
        ),
        (RULE + 'kind = "silence"', "after is missing"),
        (RULE + 'kind = "drift"', "needs scores of calibration, and the model has none"),
        ("", r"rule is missing; give at least one table \[\[rule\]\]"),
        ("rule = 5", r"rule must be at least one table \[\[rule\]\], got 5"),
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
        ("", r"sink is missing; give at least one table \[\[sink\]\]"),
        ('[[sink]]\nkind = "slack"', "sink 1: kind must be one of jsonl, webhook"),
        ('[[sink]]\nkind = "jsonl"', "path is missing"),
        ('[[sink]]\nkind = "webhook"', "url is missing; give a URL, or url_env"),
        (
            '[[sink]]\nkind = "webhook"\nurl_env = "NOT_SET"',
            "url_env names NOT_SET, which is not set",
        ),
        (
            '[[sink]]\nkind = "webhook"\nurl = "ftp://hunter2"',
            "url must hold a URL that starts with http:// or https://",
        ),
        (
            '[[sink]]\nkind = "webhook"\nurl = "http://[hunter2"',
            "url must hold a URL that starts with http:// or https://",
        ),
        ('[[sink]]\nkind = "webhook"\nsecret = "hunter2"\nurl = "http://x"', "there is no key 'secret'"),
        (
            '[[sink]]\nkind = "webhook"\nurl = "http://x"\nsecret_env = "BAD"',
            "secret_env names BAD, whose value starts with whsec_ and must then be base64",
        ),
        ('[[sink]]\nkind = "webhook"\nurl = "http://x"\ntimeout = "0s"', "timeout must be a duration longer"),
        ('[[sink]]\nkind = "jsonl"\npath = "-"\nname = "../up"', "name must be up to 64 letters"),
        ('[[sink]]\nkind = "apprise"', "urls_env is missing"),
        (SINK + SINK, "sink 'jsonl' is there more than once"),
    ],
)
def test_a_mistake_in_a_sink_is_told(tmp_path, sink, message):
    """Each with the file's name, none with the address."""
    path = tmp_path / "rules.toml"
    path.write_text(RULE + 'kind = "score"\n' + sink)
    with pytest.raises(InputError, match=r"rules.toml(, |: ).*" + message) as caught:
        load_alerter(path, environ={"BAD": "whsec_hunter-2"})
    assert "hunter" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """No stack trace for a typing error."""
    with pytest.raises(InputError, match=r"none.toml: cannot be opened"):
        load_alerter(tmp_path / "none.toml")

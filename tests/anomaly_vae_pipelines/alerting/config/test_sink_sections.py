"""Sinks as they stand in a file: what is wrong is reported, without an address."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import load_alerter

RULE = '[[rule]]\nname = "r"\n'


SINK = '\n[[sink]]\nkind = "jsonl"\npath = "-"\n'


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
        (
            '[[sink]]\nkind = "jsonl"\npath = "nowhere/alerts.jsonl"',
            "nowhere/alerts.jsonl: directory '.*nowhere' does not exist; create it first",
        ),
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

"""Apprise delivers to its services, and no URL is shown."""

from __future__ import annotations

import json
import sys

import pytest

from anomaly_vae.errors import InputError, MissingExtraError
from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.delivery.apprise_sink import apprise_sink
from anomaly_vae_pipelines.errors import AlertingWarning
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

RULES = 'key = ["host"]\npatience = "0s"\n[[rule]]\nname = "odd"\nkind = "score"\nseverity = "critical"\n'


def an_alert(tmp_path) -> Alert:
    (alert,) = alerter(tmp_path, RULES).observe(scored([True], host=["web-1"]))
    return alert


def test_apprise_delivers_a_message(tmp_path):
    """Severity, rule and match in the title; when, how unlikely, columns and rows in the body."""
    with receiving() as receiver:
        url = f"json://127.0.0.1:{receiver.port}/path"
        apprise_sink("a", url, "info", 10.0).send(an_alert(tmp_path), 10.0)
    got = json.loads(receiver.bodies[0])
    assert (
        got["title"]
        == "[critical] odd host=web-1: 1 row: line 2 at -90 nats, because amount=2 (expected 20.5)"
    )
    assert got["type"] == "failure"
    assert "how unlikely: p = 0.0001" in got["message"]
    assert "severity of the worst row: 40.0 of 100" in got["message"]
    assert "columns: amount=2 (expected 20.5)" in got["message"]


def test_one_address_of_apprise_that_fails_does_not_repeat_the_other(tmp_path):
    """Each address is a sink of its own."""
    with receiving() as good, receiving() as bad:
        bad.answers = [500] * 5
        environ = {"URLS": f"json://127.0.0.1:{bad.port} json://127.0.0.1:{good.port}"}
        sink = '\n[[sink]]\nkind = "apprise"\nurls_env = "URLS"\n'
        current = alerter(tmp_path, RULES, sinks=sink, environ=environ)
        with pytest.warns(AlertingWarning, match="Apprise could not deliver"):
            current.observe(scored([True], host=["a"]))
        with pytest.warns(AlertingWarning, match="sink 'apprise': 1 alert was not delivered"):
            summary = current.close()
    assert summary.n_delivered == {"apprise": 0, "apprise-2": 1}
    assert len(good.bodies) == 1


def test_apprise_is_asked_for_by_name_where_it_is_missing(monkeypatch):
    """The message is the command that brings it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[alerts\]'"):
        apprise_sink("a", "json://localhost", "info", 1.0)


def test_an_address_that_apprise_does_not_know_is_not_shown():
    """An address may be a password."""
    with pytest.raises(InputError, match="sink 'a': Apprise does not support its URL") as caught:
        apprise_sink("a", "nonsense://hunter2", "info", 1.0)
    assert "hunter2" not in str(caught.value)

"""What each receiver gets, that signatures verify, and that no secret is seen anywhere."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from dataclasses import replace

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.delivery.sinks import (
    AlertmanagerSink,
    JsonLinesSink,
    WebhookSink,
    alertmanager_alert,
)
from anomaly_vae_pipelines.errors import DeliveryError
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

RULES = 'key = ["host"]\npatience = "0s"\n[[rule]]\nname = "odd"\nkind = "score"\nseverity = "critical"\n'


def an_alert(tmp_path) -> Alert:
    (alert,) = alerter(tmp_path, RULES).observe(scored([True], host=["web-1"]))
    return alert


def test_a_webhook_gets_the_alert_and_its_id(tmp_path):
    """The id is that of the alert, so that every attempt has the same."""
    alert = an_alert(tmp_path)
    with receiving() as receiver:
        WebhookSink("hook", receiver.url, "s3cret").send(alert, 5.0)
        WebhookSink("hook", receiver.url).send(alert, 5.0)
    (body, _), (signed, unsigned) = receiver.bodies, receiver.headers
    assert Alert.from_json(body.decode()) == alert
    for headers in (signed, unsigned):
        assert headers["idempotency-key"] == headers["webhook-id"] == alert.id
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("secret", ["s3cret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_webhook_is_verified_by_the_library_of_its_standard(tmp_path, secret):
    """Time, id and body are signed: none can be changed."""
    with receiving() as receiver:
        WebhookSink("hook", receiver.url, secret).send(an_alert(tmp_path), 5.0)
    (body,), (headers,) = receiver.bodies, receiver.headers
    peer = Webhook(secret if secret.startswith("whsec_") else secret.encode())
    assert peer.verify(body, headers)["rule"] == "odd"
    for name in ("webhook-id", "webhook-timestamp"):
        with pytest.raises(WebhookVerificationError):
            peer.verify(body, headers | {name: str(int(time.time()) + 1)})
    with pytest.raises(WebhookVerificationError):
        peer.verify(body + b" ", headers)


def test_a_webhook_without_a_secret_has_no_signature(tmp_path):
    """Rather none than one of an empty key."""
    with receiving() as receiver:
        WebhookSink("hook", receiver.url).send(an_alert(tmp_path), 5.0)
    assert not [name for name in receiver.headers[0] if "signature" in name]


def test_standard_output_gets_a_line_of_json(tmp_path, capsysbinary):
    """An alert is one line, whatever is in it."""
    alert = replace(an_alert(tmp_path), what="two\nlines and ä")
    JsonLinesSink("out", "-").send(alert, 1.0)
    out = capsysbinary.readouterr().out
    assert out.count(b"\n") == 1
    assert Alert.from_json(out.decode()) == alert


def test_no_label_of_alertmanager_differs_from_row_to_row(tmp_path):
    """Labels make series: scores, p-values and rows are annotations. Names are such as Prometheus knows."""
    alert = replace(an_alert(tmp_path), key={"host": "a", "severity": "high", "8-bit": "x", "zone.id": "z"})
    sent = alertmanager_alert(alert, now=2e9)
    assert sent["labels"] == {
        "alertname": "odd",
        "rule": "odd",
        "kind": "score",
        "severity": "critical",
        "source": "rows.csv",
        "host": "a",
        "key_severity": "high",
        "key_8_bit": "x",
        "zone_id": "z",
    }
    assert sent["annotations"] == {
        "summary": "1 row: line 2 at -90 nats, because amount=2 (expected 20.5)",
        "id": alert.id,
        "p_value": "0.0001",
        "worst_severity": "40.0",
        "columns": "amount=2 (expected 20.5)",
        "rows": "rows.csv 2",
        "n_rows": "1",
    }
    assert (sent["startsAt"], sent["endsAt"]) == ("2023-11-14T22:13:20.000Z", "2033-05-18T04:33:20.000Z")


@pytest.fixture
def alertmanager(tmp_path):
    """Address of a real Alertmanager."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("needs Alertmanager (Debian: prometheus-alertmanager)")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    (tmp_path / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    options = [
        f"--config.file={tmp_path}/am.yml",
        f"--storage.path={tmp_path}/am",
        "--cluster.listen-address=",
    ]
    command = [program, *options, f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield ready(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def ready(url: str) -> str:
    """The address, once it answers."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return url
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


def test_a_real_alertmanager_takes_an_alert_and_shows_it(tmp_path, alertmanager):
    """It is active, with our labels and annotations, though its rows are years old; sent twice it is one."""
    alert = an_alert(tmp_path)
    for _ in range(2):
        AlertmanagerSink("am", alertmanager).send(alert, 5.0)
    with urllib.request.urlopen(f"{alertmanager}/api/v2/alerts", timeout=5) as answer:
        (shown,) = json.load(answer)
    sent = alertmanager_alert(alert, time.time())
    assert shown["labels"] == sent["labels"]
    assert shown["annotations"] == sent["annotations"]
    assert shown["status"]["state"] == "active"
    assert shown["startsAt"] == "2023-11-14T22:13:20.000Z"


def test_a_real_alertmanager_that_refuses_is_told_from_one_that_is_gone(tmp_path, alertmanager):
    """A path that isn't there is for good; a closed port is tried again."""
    for url, final in ((f"{alertmanager}/nowhere", True), ("http://127.0.0.1:1", False)):
        with pytest.raises(DeliveryError) as caught:
            AlertmanagerSink("am", url).send(an_alert(tmp_path), 5.0)
        assert caught.value.final is final


def test_no_secret_is_written_or_said(tmp_path, caplog, recwarn):
    """Neither in files, nor in the log, nor in warnings, nor where objects are shown."""
    warnings.simplefilter("always")
    caplog.set_level(logging.DEBUG)
    secrets = {
        "HOOK": "http://127.0.0.1:1/hunter2?token=hunter3",
        "KEY": "hunter4",
        "URLS": "json://user:hunter5@127.0.0.1:1/hunter6",
    }
    sinks = '[[sink]]\nkind = "webhook"\nurl_env = "HOOK"\nsecret_env = "KEY"\n'
    sinks += '[[sink]]\nkind = "apprise"\nurls_env = "URLS"\n'
    sinks += '[[sink]]\nkind = "alertmanager"\nurl_env = "HOOK"\n'
    current = alerter(tmp_path, RULES, sinks=sinks, environ=secrets)
    current.observe(scored([True], host=["a"]))
    summary = current.close()
    assert summary.n_spooled == {"webhook": 1, "apprise": 1, "alertmanager": 1}
    written = "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    shown = repr(current._config.sinks) + repr(summary) + json.dumps(current.get_state())
    said = caplog.text + "".join(str(warning.message) for warning in recwarn)
    assert said
    assert "hunter" not in written + shown + said

"""Alerts wait in files, in order, until they are delivered or refused."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.alerting.delivery.spool import LAST, Spool
from anomaly_vae_pipelines.errors import AlertingWarning, SinkError
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

RULES = 'patience = "{}"\ncooldown = "0s"\n[[rule]]\nname = "odd"\nkind = "score"\n'


SINK = '\n[[sink]]\nname = "hook"\nkind = "webhook"\nurl = "{}"\ntimeout = "0.3s"\n'


def hooked(folder, url, *, patience="30s", **options):
    return alerter(folder, RULES.format(patience), sinks=SINK.format(url), **options)


def test_a_damaged_file_in_the_spool_is_put_aside(tmp_path):
    """It is reported, and the alerts after it are sent."""
    spool = tmp_path / "state.json.spool" / "hook"
    spool.mkdir(parents=True)
    (spool / "000000000001-abc.json").write_text("{")
    with receiving() as receiver:
        current = hooked(tmp_path, receiver.url)
        with pytest.warns(AlertingWarning, match="alert abc cannot be read as an alert"):
            current.observe(scored([True]))
        assert len(receiver.bodies) == 1


def test_a_spool_that_cannot_be_written_is_an_error(tmp_path):
    """Better no run than one whose alerts are not safe."""
    (tmp_path / "state.json.spool").write_text("in the way")
    with pytest.raises(SinkError, match="cannot be written"):
        hooked(tmp_path, "http://127.0.0.1:1").observe(scored([True]))


def alerts_of(folder, n_alerts):
    """Alerts for different keys."""
    rules = 'key = ["host"]\n[[rule]]\nname = "odd"\nkind = "score"\n'
    batch = scored([True] * n_alerts, host=[f"h{i}" for i in range(n_alerts)])
    return alerter(folder, rules, state=None).observe(batch)


def test_alerts_wait_in_order_over_restarts_and_once(tmp_path):
    """A spool is its directory: another object finds the same alerts."""
    alerts = alerts_of(tmp_path, 12)
    Spool(tmp_path / "hook").put(alerts[:11])
    spool = Spool(tmp_path / "hook")
    spool.put(alerts)
    assert len(spool) == 12
    for alert in alerts:
        assert spool.oldest() == alert
        spool.drop()
    assert spool.oldest() is None
    assert not list((tmp_path / "hook").iterdir())


def test_a_refused_alert_can_be_restored_before_those_that_came_later(tmp_path):
    """Its number is that of when it was raised."""
    alerts = alerts_of(tmp_path, 3)
    spool = Spool(tmp_path / "hook")
    spool.put(alerts)
    with pytest.warns(
        AlertingWarning, match=f"alert {alerts[0].id} was rejected; it is in .*move it up by one"
    ):
        spool.refuse("was rejected")
    spool.refuse("was rejected")
    assert (spool.n_refused, spool.oldest()) == (2, alerts[2])
    assert Spool(tmp_path / "hook").restore_refused() == 2
    assert spool.restore_refused() == 0
    assert Spool(tmp_path / "hook").oldest() == alerts[0]


def test_the_last_delivery_is_noted_only_beside_alerts(tmp_path):
    """A sink that never had an alert has no directory."""
    spool = Spool(tmp_path / "hook")
    spool.note({"delivered": "today"})
    assert not spool.directory.exists()
    spool.put(alerts_of(tmp_path, 1))
    spool.note({"delivered": "today"})
    assert json.loads((spool.directory / LAST).read_text()) == {"delivered": "today"}
    assert len(Spool(spool.directory)) == 1

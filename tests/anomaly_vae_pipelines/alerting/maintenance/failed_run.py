"""A run whose alerts were not all delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.errors import AlertingWarning
from tests.anomaly_vae_pipelines.alerting.receiver import Receiver
from tests.anomaly_vae_pipelines.alerting.streams import FakeClock, alerter, scored

RULES = 'patience = "1s"\nkey = ["host"]\n[[rule]]\nname = "odd"\nkind = "score"\ncooldown = "1h"\n'


SINK = '[[sink]]\nname = "hook"\nkind = "webhook"\nurl = "{}"\ntimeout = "1s"\n'


def failed_run(folder: Path, receiver: Receiver, answers: list[int | str]) -> list[Alert]:
    """A run whose three alerts got these answers, and 503 after them."""
    receiver.answers = answers + [503] * 99
    current = alerter(folder, RULES, sinks=SINK.format(receiver.url), clock=FakeClock().clock)
    with pytest.warns(AlertingWarning):
        alerts = current.observe(scored([True] * 3, host=["a", "b", "c"]))
    with pytest.warns(AlertingWarning, match="not delivered"):
        current.close()
    receiver.answers = []
    return alerts

"""Alerts that wait are sent without a run."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.alerting.maintenance.resending import resend
from anomaly_vae_pipelines.errors import AlertingWarning, SinkError
from tests.anomaly_vae_pipelines.alerting.maintenance.failed_run import RULES, failed_run
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import alerter


def test_what_waits_is_sent_now_and_what_was_refused_if_asked(tmp_path):
    """Oldest first; nothing is raised again."""
    rules, state = tmp_path / "rules.toml", tmp_path / "state.json"
    with receiving() as receiver:
        alerts = failed_run(tmp_path, receiver, [400, 500])
        done = resend(rules, state)
        assert (done.n_delivered, done.problems) == ({"hook": 2}, ())
        assert resend(rules, state).n_delivered == {"hook": 0}
        assert resend(rules, state, refused=True).n_delivered == {"hook": 1}
        ids = [json.loads(body)["id"] for body in receiver.bodies]
    assert ids == [alerts[1].id, alerts[2].id, alerts[0].id]


def test_a_sink_that_still_fails_is_a_problem(tmp_path):
    """In one sentence, with what to do; the alerts wait on."""
    with receiving() as receiver:
        failed_run(tmp_path, receiver, [])
        receiver.answers = [500] * 99
        with pytest.warns(AlertingWarning, match="answered 500"):
            done = resend(tmp_path / "rules.toml", tmp_path / "state.json")
    (problem,) = done.problems
    assert problem.startswith("sink 'hook': 3 alerts were not delivered; they wait in ")
    assert "anomaly-vae alerts resend" in problem
    assert problem.endswith("the last error: answered 500")


def test_nothing_is_resent_while_a_run_goes_on(tmp_path):
    """The run sends it."""
    current = alerter(tmp_path, RULES)
    with pytest.raises(SinkError, match="another run is using it"):
        resend(tmp_path / "rules.toml", tmp_path / "state.json")
    current.close()

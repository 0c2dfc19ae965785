"""What can be done about alerts outside of a run: see what waits, send it now, and try the sinks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.maintenance.resending import resend
from anomaly_vae_pipelines.alerting.maintenance.status import read_status
from anomaly_vae_pipelines.alerting.maintenance.trial import try_sinks
from anomaly_vae_pipelines.errors import AlertingWarning, SinkError
from tests.anomaly_vae_pipelines.alerting.receiver import Receiver, receiving
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


def test_the_status_says_what_waits_what_happened_and_what_is_silent(tmp_path):
    """From the files alone, while another process may hold them."""
    with receiving() as receiver:
        failed_run(tmp_path, receiver, [200, 400, 500])
    state, rules = tmp_path / "state.json", tmp_path / "rules.toml"
    status = read_status(rules, state, clock=FakeClock().clock)
    (sink,) = status.sinks
    assert (sink.sink, sink.n_waiting, sink.n_refused) == ("hook", 1, 1)
    assert sink.oldest == sink.delivered == "2023-11-14T22:13:20.000Z"
    assert (sink.error, sink.failed is not None) == ("answered 503", True)
    assert [(silenced.rule, silenced.key) for silenced in status.silenced] == [
        ("odd", {"host": name}) for name in "abc"
    ]
    assert status.silenced[0].until == "2023-11-14T23:13:20.000Z"
    later = FakeClock()
    later.time += 3600
    assert not read_status(rules, state, clock=later.clock).silenced


def test_the_status_needs_no_secret_and_no_state(tmp_path):
    """Of rules that have not run yet."""
    (tmp_path / "rules.toml").write_text(RULES + '[[sink]]\nkind = "webhook"\nurl_env = "NOT_SET"\n')
    status = read_status(tmp_path / "rules.toml", tmp_path / "state.json")
    assert [(sink.sink, sink.n_waiting, sink.delivered) for sink in status.sinks] == [("webhook", 0, None)]
    assert not status.silenced
    (tmp_path / "state.json").write_text('{"rules": {"odd": {"cooldown": 3}}}')
    with pytest.raises(InputError, match=r"state.json: is not a valid alert state"):
        read_status(tmp_path / "rules.toml", tmp_path / "state.json")


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


def test_a_test_alert_goes_to_each_sink_and_says_what_it_is(tmp_path):
    """One that fails is told, and holds up no other; spool and state are not touched."""
    with receiving() as good, receiving() as bad:
        bad.answers = [400]
        grave = SINK.format(good.url).replace('"hook"', '"grave"') + 'severity = "critical"\n'
        sinks = SINK.format(bad.url) + grave
        (tmp_path / "rules.toml").write_text(RULES + sinks)
        trials = list(try_sinks(tmp_path / "rules.toml", environ={}))
    assert [(trial.sink, trial.kind, trial.problem) for trial in trials] == [
        ("hook", "webhook", "answered 400"),
        ("grave", "webhook", None),
    ]
    sent = Alert.from_json(good.bodies[0].decode())
    assert (sent.rule, sent.kind, sent.severity) == ("TEST", "test", "critical")
    assert sent.what.startswith("TEST")
    assert [path.name for path in tmp_path.iterdir()] == ["rules.toml"]

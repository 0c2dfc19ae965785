"""What waits, what happened last, and what is in a cool-down."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.maintenance.status import read_status
from tests.anomaly_vae_pipelines.alerting.maintenance.failed_run import RULES, failed_run
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import FakeClock


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

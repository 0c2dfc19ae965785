"""What waits, what happened last, and what is in a cool-down."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.maintenance.status import read_status
from tests.anomaly_vae_pipelines.alerting.maintenance.failed_run import RULES, failed_run
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import FakeClock, alerter, scored


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


def test_the_status_lists_what_each_silence_took(tmp_path):
    """With who wants it, why and until when; before any run there are no counts."""
    table = '[[silence]]\nmatchers = ["host=~a|b"]\nends_at = {}\ncreated_by = "ana"\ncomment = "{}"\n'
    silences = table.format("2023-12-01", "now") + table.format("2023-12-02\nstarts_at = 2023-12-01", "later")
    rules = 'key = ["host"]\n[[rule]]\nname = "odd"\nkind = "score"\n' + silences
    clock = FakeClock().clock
    current = alerter(tmp_path, rules, clock=clock)
    path, state = tmp_path / "rules.toml", tmp_path / "state.json"
    assert [one.n_silenced for one in read_status(path, state, clock=clock).silences] == [0, 0]
    current.observe(scored([True] * 3, host=["a", "b", "c"]))
    current.close()
    first, second = read_status(path, state, clock=clock).silences
    assert (first.comment, first.created_by, first.matchers) == ("now", "ana", ('host=~"a|b"',))
    assert (first.status, first.ends_at[:10], first.n_silenced) == ("active", "2023-12-01", 2)
    assert (first.last, first.what) == ("2023-11-14T22:13:20.000Z", "odd: line 3")
    assert (second.status, second.n_silenced, second.last) == ("pending", 0, None)
    state.write_text('{"format": 1, "time": null, "rules": {}, "silences": 3}')
    with pytest.raises(InputError, match="is not a valid alert state"):
        read_status(path, state)

"""A silent source, and a silent value of the key, raise an alert."""

from __future__ import annotations

from tests.anomaly_vae_pipelines.alerting.streams import FakeClock, alerter, delivered, scored


def test_what_is_silent_raises_an_alert_until_it_is_heard(tmp_path):
    """Each host by itself, by the clock; a silence that lasts comes again after the cool-down."""
    fake = FakeClock()
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\nkey = ["host"]\ncooldown = "1h"\n'
    current = alerter(tmp_path, rule, clock=fake.clock)
    current.observe(scored([False, False], host=["a", "b"]))
    fake.time += 300
    current.observe(scored([False], host=["b"]))
    fake.time += 300
    (alert,) = current.tick()
    assert (alert.key, alert.what, alert.first) == ({"host": "a"}, "no row for 10m (at most 10m)", 2)
    assert [a.key["host"] for a in current.tick(fake.time + 600)] == ["b"]
    fake.time += 4200
    assert {a.key["host"] for a in current.tick()} == {"a", "b"}
    current.observe(scored([False, False], host=["a", "b"]))
    fake.time += 3600
    assert {a.key["host"] for a in current.tick()} == {"a", "b"}
    assert len({a.id for a in delivered(tmp_path)}) == len(delivered(tmp_path)) == 6


def test_a_silence_counts_from_the_start_of_a_run(tmp_path):
    """While nobody read there was no silence; a source that says nothing at all is silent."""
    fake = FakeClock()
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\n'
    before = alerter(tmp_path, rule, clock=fake.clock)
    before.observe(scored([False]))
    before.close(ended=False)
    fake.time += 86400
    current = alerter(tmp_path, rule, clock=fake.clock)
    assert not current.tick(fake.time + 599)
    assert len(current.tick(fake.time + 600)) == 1
    assert not current.tick(fake.time + 1199)
    assert not current.tick(fake.time + 1200)
    assert current.close(ended=False).n_suppressed == 1
    unheard = alerter(tmp_path, rule, clock=fake.clock, state=None)
    (alert,) = unheard.tick(fake.time + 600)
    assert (alert.source, alert.first, alert.n_rows) == ("", 0, 0)


def test_a_run_without_any_row_is_silent(tmp_path):
    """An empty file raises the alert."""
    rule = '[[rule]]\nname = "gone"\nkind = "silence"\nafter = "10m"\n'
    empty = alerter(tmp_path, rule)
    empty.observe(scored([]))
    assert empty.close().n_alerts == 1
    (alert,) = delivered(tmp_path)
    assert alert.what == "the source has no row"
    full = alerter(tmp_path, rule, state=None)
    full.observe(scored([False]))
    assert full.close().n_alerts == 0

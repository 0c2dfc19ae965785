"""A test alert goes to each sink."""

from __future__ import annotations

from anomaly_vae_pipelines.alerting import Alert
from anomaly_vae_pipelines.alerting.maintenance.trial import try_sinks
from tests.anomaly_vae_pipelines.alerting.maintenance.failed_run import RULES, SINK
from tests.anomaly_vae_pipelines.alerting.receiver import receiving


def test_a_test_alert_goes_to_each_sink_and_says_what_it_is(tmp_path):
    """A failing sink is reported and does not block others; spool and state do not change."""
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

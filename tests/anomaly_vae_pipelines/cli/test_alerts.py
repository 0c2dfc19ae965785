"""Alerts from the command line: ``score --alerts`` and ``watch``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from anomaly_vae_pipelines.alerting.locking import Lock
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.cli.conftest import RULES, alerts_in
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


def test_a_batch_raises_alerts_and_says_so(run, model, unseen, tmp_path, rules):
    """What, when, how unlikely, which columns and which rows; exit code 3 if that is wanted."""
    out = str(tmp_path / "out.csv")
    ended = run("score", model, unseen, "-o", out, "--alerts", rules, "--fail-on-alert")
    assert ended.code == 3, ended.err
    assert "alerts, 0 suppressed by a cool-down" in ended.err
    alerts = alerts_in(tmp_path)
    assert len(alerts) == json.loads(Path(out + ".summary.json").read_text())["n_anomalies"]
    for alert in alerts:
        assert (alert["rule"], alert["source"], alert["n_rows"]) == ("odd row", unseen, 1)
        assert 0 < alert["p_value"] <= 1
        assert alert["columns"][0]["nats"] < 0
    assert any(column["expected"] for alert in alerts for column in alert["columns"])


def test_the_next_run_is_in_the_cool_down_of_the_last(run, model, unseen, tmp_path, rules):
    """A nightly job does not say twice what it said an hour ago, and nothing to say is exit code 0."""
    arguments = ["score", model, unseen, "-o", str(tmp_path / "o.csv"), "--force", "--alerts", rules]
    run(*arguments)
    n_alerts = len(alerts_in(tmp_path))
    ended = run(*arguments, "--fail-on-alert")
    assert (ended.code, len(alerts_in(tmp_path))) == (0, n_alerts)
    assert f"0 alerts, {n_alerts} suppressed by a cool-down" in ended.err


def test_two_cannot_write_to_standard_output(run, model, unseen, tmp_path):
    """Rows and alerts would be one stream."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path="-"))
    ended = run("score", model, unseen, "-o", "-", "--alerts", str(path))
    assert (ended.code, ended.out) == (2, "")
    assert "standard output" in ended.err


def test_rules_are_checked_before_the_work(run, model, tmp_path, rules):
    """A mistake in the rules, or a column that the rules want and the input lacks, is named."""
    Path(rules).write_text(Path(rules).read_text().replace('kind = "score"', 'kind = "scor"'))
    ended = run("score", model, "missing.csv", "-o", str(tmp_path / "o.csv"), "--alerts", rules)
    assert ended.code == 2
    assert "did you mean 'score'" in ended.err


HOOKED = """
patience = "1s"
id = ["code"]
[[rule]]
name = "odd row"
kind = "score"
[[sink]]
name = "hook"
kind = "webhook"
url = "{url}"
"""


@pytest.fixture
def hooked(tmp_path):
    """Rules with a receiver that answers as a test tells it."""
    with receiving() as receiver:
        path = tmp_path / "hooked.toml"
        path.write_text(HOOKED.format(url=receiver.url))
        yield str(path), receiver


@pytest.mark.parametrize(
    ("answer", "said"), [(500, "not delivered; it waits in"), (400, "refused; it is in")]
)
def test_an_alert_that_nobody_took_is_a_failure(run, model, unseen, tmp_path, hooked, answer, said):
    """Exit code 1, before the 3 of --fail-on-alert, and one line a sink; a warning if alerts may wait."""
    rules, receiver = hooked
    score = ["score", model, unseen, "-o", str(tmp_path / "o.csv"), "--force", "--alerts", rules]
    receiver.answers = [answer] * 99
    ended = run(*score, "--fail-on-alert")
    assert ended.code == 1, ended.err
    (line,) = [line for line in ended.err.splitlines() if ": error: " in line]
    assert "sink 'hook': 1 alert was " + said in line
    assert f"answered {answer}" in line
    again = run(*score, "--alert-state", str(tmp_path / "other"), "--alerts-may-wait")
    assert again.code == 0, again.err
    assert ": error: " not in again.err
    assert "warning: sink 'hook': 1 alert was " + said in again.err
    receiver.answers = []
    assert run(*score, "--alert-state", str(tmp_path / "third"), "--fail-on-alert").code == 3


def test_a_watch_that_ends_says_what_was_not_delivered(run, model, tmp_path, hooked):
    """With --once, by the exit code too."""
    rules, receiver = hooked
    table = write_table(tmp_path / "app.csv", COLUMNS, orders(40, seed=1))
    watch = ["watch", model, table, "--alerts", rules, "--once", "--interval", "0.01"]
    receiver.answers = [500] * 99
    ended = run(*watch)
    assert ended.code == 1
    assert "error: sink 'hook': 1 alert was not delivered" in ended.err
    assert run(*watch, "--alerts-may-wait").code == 0
    receiver.answers = []
    place = ["--checkpoint", str(tmp_path / ".app.csv.watch")]
    status = json.loads(run("alerts", "status", rules, *place, "--json").out)
    assert [sink["n_waiting"] for sink in status["sinks"]] == [1]
    assert status["silenced"][0]["rule"] == "odd row"
    ended = run("alerts", "resend", rules, *place)
    assert (ended.code, ended.err) == (0, "hook: 1 alert delivered\n")
    assert run(*watch).code == 0


def test_ids_name_the_rows_of_alerts(run, model, unseen, tmp_path, hooked):
    """Those of the command line go before those of the file; a column that is not there is named."""
    rules, receiver = hooked
    out = ["-o", str(tmp_path / "o.csv"), "--force"]
    score = ["score", model, unseen, *out, "--alerts", rules]
    run(*score)
    run(*score, "--alert-state", str(tmp_path / "s"), "--id", "label")
    by_file, by_option = (json.loads(body) for body in receiver.bodies)
    assert list(by_file["worst"]["ids"]) == ["code"]
    assert f"worst is code={by_file['worst']['ids']['code']} (line " in by_file["what"]
    assert list(by_option["worst"]["ids"]) == ["label"]
    ended = run(*score, "--id", "cod")
    assert ended.code == 2
    assert "no column 'cod', which a rule or --id names; did you mean 'code'?" in ended.err
    assert run("score", model, unseen, *out, "--id", "code").code == 2


def test_rules_are_checked_for_a_model(run, model, tmp_path, rules, monkeypatch):
    """Each rule with what it means for this model, and who gets its alerts; a dead rule is refused."""
    monkeypatch.setenv("COLUMNS", "300")
    ended = run("alerts", "check", rules, model)
    assert ended.code == 0, ended.err
    assert "odd row" in ended.out
    assert "each row with a score under" in ended.out
    assert "% of rows" in ended.out
    assert "warning: jsonl" in ended.out
    Path(rules).write_text(
        Path(rules).read_text().replace('kind = "score"', 'kind = "score"\np_value = 1e-4')
    )
    for command in (["alerts", "check", rules, model], ["watch", model, "x.csv", "--alerts", rules]):
        ended = run(*command)
        assert ended.code == 2
        assert "rule 1 'odd row': can never fire" in ended.err
        assert len(ended.err.splitlines()) == 1


def test_sinks_are_tried_with_a_marked_alert(run, tmp_path, hooked):
    """How each took it is said; one that did not is exit code 1."""
    rules, receiver = hooked
    ended = run("alerts", "test", rules)
    assert ended.code == 0
    assert ended.err.startswith("hook (webhook): delivered in ")
    assert json.loads(receiver.bodies[0])["kind"] == "test"
    receiver.answers = [401]
    ended = run("alerts", "test", rules)
    assert (ended.code, ended.err) == (1, "hook (webhook): failed: answered 401\n")


def test_the_status_is_a_table(run, model, unseen, tmp_path, hooked):
    """Of sinks, and of what is in a cool-down; before any run there is nothing."""
    rules, receiver = hooked
    assert "nothing is in a cool-down" in run("alerts", "status", rules).out
    receiver.answers = [500] * 99
    run("score", model, unseen, "-o", str(tmp_path / "o.csv"), "--alerts", rules)
    out = run("alerts", "status", rules).out
    assert "hooked.toml.state.spool" in out.replace("\n", "")
    assert "answered 500" in out
    assert "odd row" in out
    ended = run("alerts", "status", rules, "--alert-state", "a", "--checkpoint", "b")
    assert ended.code == 2
    assert "Give only one of" in ended.err


def test_two_runs_with_one_state_do_not_run_at_once(run, model, unseen, tmp_path, rules):
    """The second is refused with one line and exit code 1, and its output is not touched."""
    lock = Lock(Path(rules + ".state"))
    out = tmp_path / "o.csv"
    ended = run("score", model, unseen, "-o", str(out), "--alerts", rules)
    assert ended.code == 1
    assert "another run is using it for its alerts" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not list(tmp_path.glob("o.csv*"))
    lock.release()
    assert run("score", model, unseen, "-o", str(out), "--alerts", rules).code == 0


def test_what_was_silenced_is_shown(run, model, unseen, tmp_path, rules):
    """By score in its counts, and by status with the reason."""
    path = Path(rules)
    table = 'matchers = ["color=~.*"]\nends_at = 2999-01-01\ncreated_by = "ana"\ncomment = "paint week"\n'
    path.write_text(f"{path.read_text()}\n[[silence]]\n{table}")
    output = str(tmp_path / "out.csv")
    ended = run("score", model, unseen, "-o", output, "--alerts", rules, "--fail-on-alert", "--verbose")
    assert ended.code == 0
    assert re.search(r"0 alerts, 0 suppressed by a cool-down, [1-9][0-9]* silenced, 0 delivered", ended.err)
    out = run("alerts", "status", rules).out
    assert "paint" in out
    assert "ana" in out

"""Alerts from the command line: ``score --alerts`` and ``watch``."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.pipelines.conftest import COLUMNS, command_line, orders, process_environment, write_table

RULES = """
[[rule]]
name = "odd row"
kind = "score"
key = ["code"]

[[sink]]
kind = "jsonl"
path = "{path}"
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES.format(path=tmp_path / "alerts.jsonl"))
    return str(path)


def alerts_in(directory: Path) -> list[dict]:
    path = directory / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_batch_raises_alerts_and_says_so(run, model, unseen, tmp_path, rules):
    """What, when, how unlikely, which columns and which rows; exit code 3 if that is wanted."""
    out = str(tmp_path / "out.csv")
    ended = run("score", model, unseen, "-o", out, "--alerts", rules, "--fail-on-alert")
    assert ended.code == 3, ended.err
    assert "alerts, 0 more in their cool-down" in ended.err
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
    assert f"0 alerts, {n_alerts} more in their cool-down" in ended.err


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


def test_watch_once_reads_what_is_there(run, model, tmp_path, rules):
    """And not again the next time."""
    table = write_table(tmp_path / "app.csv", COLUMNS, orders(40, seed=1))
    arguments = ["watch", model, table, "--alerts", rules, "--once", "--interval", "0.01"]
    first = run(*arguments)
    assert first.code == 0, first.err
    assert "40 rows" in first.err
    n_alerts = len(alerts_in(tmp_path))
    assert n_alerts
    again = run(*arguments)
    assert again.err.splitlines()[-1].startswith("0 rows")
    assert len(alerts_in(tmp_path)) == n_alerts


def test_watch_keeps_rows_that_cannot_be_read(run, model, tmp_path, rules):
    """Where it was told to, with their line."""
    (tmp_path / "app.csv").write_text(",".join(COLUMNS) + "\n1,2\n")
    rejected = tmp_path / "bad.csv"
    ended = run(
        "watch", model, str(tmp_path / "app.csv"), "--alerts", rules, "--once", "--interval", "0.01",
        "--rejected", str(rejected),
    )  # fmt: skip
    assert "1 row rejected, the first on line 2" in ended.err
    assert rejected.read_text().splitlines()[1].endswith(',"1,2"')


def test_a_killed_watch_goes_on_without_loss_or_repetition(model, tmp_path, rules):
    """kill -9, and the rows that came meanwhile are read after the restart: each alert once."""
    path = tmp_path / "app.csv"
    rows = [[f"{i:04d}", *row[1:]] for i, row in enumerate(orders(300, seed=2))]
    command = command_line("watch", model, str(path), "--alerts", rules, "--interval", "0.05", "--quiet")
    write_table(path, COLUMNS, rows[:100])
    process = subprocess.Popen(command, env=process_environment())
    wait_for(lambda: (tmp_path / ".app.csv.watch").exists())
    process.kill()
    process.wait()
    with path.open("a") as stream:
        stream.writelines(",".join(row) + "\n" for row in rows[100:])
    process = subprocess.Popen(command, env=process_environment(), stderr=subprocess.PIPE)
    before = (tmp_path / ".app.csv.watch").stat().st_mtime_ns
    wait_for(lambda: (tmp_path / ".app.csv.watch").stat().st_mtime_ns > before)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    keys = [alert["key"]["code"] for alert in alerts_in(tmp_path)]
    assert keys == sorted(set(keys))
    assert any(key < "0100" for key in keys)
    assert any(key >= "0100" for key in keys)


def wait_for(condition, seconds: float = 60.0) -> None:
    """Return when a condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)

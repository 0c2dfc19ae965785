"""``anomaly-vae watch``."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from anomaly_vae_pipelines.alerting.locking import Lock
from tests.anomaly_vae_pipelines.cli.conftest import alerts_in
from tests.anomaly_vae_pipelines.conftest import (
    COLUMNS,
    command_line,
    orders,
    process_environment,
    write_table,
)


def test_once_reads_the_existing_rows(run, model, tmp_path, rules):
    """The next watch does not read them again."""
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


def test_rejected_rows_are_appended_to_a_file(run, model, tmp_path, rules):
    """With --rejected, and with their line."""
    (tmp_path / "app.csv").write_text(",".join(COLUMNS) + "\n1,2\n")
    rejected = tmp_path / "bad.csv"
    ended = run(
        "watch", model, str(tmp_path / "app.csv"), "--alerts", rules, "--once", "--interval", "0.01",
        "--rejected", str(rejected),
    )  # fmt: skip
    assert "1 row rejected, the first on line 2" in ended.err
    assert rejected.read_text().splitlines()[1].endswith(',"1,2"')


def test_a_killed_watch_resumes_without_loss_or_repetition(model, tmp_path, rules):
    """Rows added while no watch ran are read after the restart; every alert is raised once."""
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


def test_two_watches_with_one_checkpoint_do_not_run_at_once(run, model, tmp_path, rules):
    """Even with other rules: one checkpoint belongs to one watch."""
    table, other = write_table(tmp_path / "app.csv", COLUMNS, orders(10, seed=1)), tmp_path / "other.toml"
    other.write_text(f'spool = "{tmp_path / "spool"}"\n' + Path(rules).read_text())
    lock = Lock(tmp_path / ".app.csv.watch")
    ended = run("watch", model, table, "--alerts", str(other), "--once", "--interval", "0.01")
    assert ended.code == 1
    assert ".app.csv.watch: another run is using it for its alerts" in ended.err
    assert not (tmp_path / ".app.csv.watch").exists()
    lock.release()
    assert run("watch", model, table, "--alerts", str(other), "--once", "--interval", "0.01").code == 0


def wait_for(condition, seconds: float = 60.0) -> None:
    """Return when a condition holds; fail after a number of seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)

"""The process ends with the code that was asked for, whatever its threads do."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.anomaly_vae_pipelines.conftest import process_environment

BUSY = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
IMPORT = "from anomaly_vae_pipelines.service.shutdown import exit_after, exit_now\n"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("print('out', end=''); exit_now(7)", 7),
        ("print('out', end=''); exit_after(0.1, 5)", 5),
        ("print('out', end=''); exit_after(60, 5); import os; exit_now(0)", 0),
    ],
)
def test_a_thread_does_not_hold_up_the_exit(program: str, code: int) -> None:
    """And what was printed is flushed."""
    began = time.monotonic()
    command = [sys.executable, "-c", IMPORT + BUSY + program]
    ended = subprocess.run(command, env=process_environment(), capture_output=True, timeout=50, check=False)
    assert (ended.returncode, ended.stdout) == (code, b"out")
    assert time.monotonic() - began < 40


def test_a_process_that_ends_in_time_keeps_its_own_code() -> None:
    command = [sys.executable, "-c", IMPORT + "exit_after(30, 5); raise SystemExit(3)"]
    assert subprocess.run(command, env=process_environment(), timeout=25, check=False).returncode == 3

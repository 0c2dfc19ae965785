"""A call in the background ends as it would in the foreground, and does not hold up an exit."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from anomaly_vae_pipelines.io.background import in_background


def test_the_future_has_the_result_or_the_error_of_the_call():
    assert in_background(threading.current_thread, "work").result(5.0).name == "work"
    with pytest.raises(KeyError, match="missing"):
        in_background(lambda: {}["missing"], "work").result(5.0)


def test_an_error_that_ends_threads_is_passed_on_too():
    with pytest.raises(SystemExit):
        in_background(sys.exit, "work").result(5.0)


def test_a_call_that_runs_is_not_done_whoever_stops_waiting_for_it():
    may_end = threading.Event()
    future = in_background(may_end.wait, "work")
    assert not future.cancel()
    assert not future.done()
    may_end.set()
    assert future.result(5.0)


def test_the_exit_of_the_process_does_not_wait():
    program = (
        "import threading\n"
        "from anomaly_vae_pipelines.io.background import in_background\n"
        "in_background(threading.Event().wait, 'work')"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

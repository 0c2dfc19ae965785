"""System calls that fail, or are the last of their process: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.pipelines.conftest import process_environment

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="forks processes that have a model in memory, as Linux can"
)


def faults(*arguments: str) -> None:
    """Try faults in a process of its own, as one that has threads cannot fork."""
    command = [sys.executable, "-m", "tests.pipelines.faults", "--seed", str(os.getpid()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=process_environment())
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


def test_a_fault_at_any_step_of_a_run_costs_nothing(model):
    """An error, a full disk or a kill: files are old or new, and the next run ends as an undisturbed one.

    This is a sample over all formats and options; ``make faults`` tries every step.
    """
    faults("--model", model, "--per-case", "3", "--overlaps", "0", "--jobs", "1")


def test_of_two_runs_of_one_output_one_is_whole_and_one_is_refused(model):
    """In every format, for the output and for the file of rejected rows, wherever the first one is."""
    faults("--model", model, "--only", "no case", "--overlaps", "3", "--jobs", "1")

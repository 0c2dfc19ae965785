"""System calls that fail, or are the last of their process: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.anomaly_vae_pipelines.conftest import process_environment

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="forks processes that have a model in memory, as Linux can"
)


@pytest.mark.slow
def test_a_fault_at_any_step_of_a_run_costs_nothing(model):
    """An error, a full disk or a kill: files are old or new, and the next run ends as an undisturbed one.

    And of two runs of the same files, one is whole and one is refused, wherever the first one is. This is a
    sample, another one each time; ``make faults`` tries every step. It is a process of its own, as one that
    has threads should not fork.
    """
    sample = ["--every", "9", "--per-case", "2", "--overlaps", "1", "--jobs", "1", "--seed", f"{os.getpid()}"]
    command = [sys.executable, "-m", "tests.anomaly_vae_pipelines.faults", "--model", model, *sample]
    done = subprocess.run(command, capture_output=True, text=True, env=process_environment())
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"

"""A crash of a judge is distinguished from a verdict, and does not affect other files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Run in a process of its own: pytest must not be forked.
SCRIPT = """
import json, os, signal, sys, time
from tests.forgeries.judge import seconds_allowed, Outcome, Verdict, _measured
from tests.forgeries import judge as judging
from tests.forgeries.workers import judge_all

# A machine half as fast as the reference, and a bound so low that a hang is found in seconds.
judging.slowness = lambda: 2.0
judging.MAX_SECONDS = 0.2

def crash(): os.kill(os.getpid(), signal.SIGSEGV)
def leave(): os._exit(3)
def spin():
    while True: pass
def use(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
def fair(): use(1.5 * seconds_allowed(0))
def slow(): use(3.0 * seconds_allowed(0))
def grow(): return len(bytearray(300 * 2**20))
def child(): os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
def fine(): pass
def unmade(): pass

WHAT = [fine, crash, fine, leave, fine, spin, fine, slow, fair, grow, fine, child, fine, unmade, fine]

def make(number):
    if WHAT[number] is unmade: raise ValueError("no such file")
    return bytes([number]), None

def judged(path, rows):
    WHAT[path.read_bytes()[0]]()
    return Outcome(Verdict.SCORED)

judging._judged = judged
for number, outcome in sorted(judge_all(range(len(WHAT)), make, 2, judge=_measured)):
    print(json.dumps([WHAT[number].__name__, outcome.verdict]))
"""


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[str, str]]:
    """What was done to a worker and what it was found to be, in order."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=600, check=True
    )
    return [tuple(json.loads(line)) for line in ran.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deed", "verdict"),
    [
        ("crash", "CRASH"),
        ("leave", "CRASH"),
        ("spin", "HANG"),
        ("slow", "HANG"),
        ("fair", "scored"),
        ("grow", "MEMORY"),
        ("child", "PROCESSES"),
        ("unmade", "UNMADE"),
    ],
)
def test_a_fault_is_told_by_its_kind(deed: str, verdict: str, verdicts: list[tuple[str, str]]) -> None:
    """A crash, a hang, too much memory, a process, an unmade file; not a slow machine."""
    assert dict(verdicts)[deed] == verdict


@pytest.mark.slow
def test_every_other_file_is_judged_all_the_same(verdicts: list[tuple[str, str]]) -> None:
    """None is lost, and none is judged twice."""
    assert len(verdicts) == 15
    assert [verdict for deed, verdict in verdicts if deed == "fine"] == ["scored"] * 7

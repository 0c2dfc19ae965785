"""The judges run from a test: in a process of their own, which a forgery may crash."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import TypeAlias

from tests.forgeries.judge import Outcome, Verdict

Outcomes: TypeAlias = dict[str, Outcome]

_ROOT = Path(__file__).parents[2]
_SECONDS = 600


def command(module: str, *arguments: str) -> CompletedProcess[str]:
    """A module of the tests, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", f"tests.forgeries{module}", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def run(*words: str) -> Outcomes:
    """Outcomes of forgeries made by hand, by name."""
    ran = command(".handmade", *words)
    assert ran.returncode == 0, ran.stderr
    said = [json.loads(line) for line in ran.stdout.splitlines()]
    return {one.pop("name"): Outcome(**one | {"verdict": Verdict(one["verdict"])}) for one in said}

"""metadata_from_child: load a model file in a child process with limits on memory, time and processes.

A model file runs no code, and every part of it is checked. A forged file could still trigger an unknown bug
in a library. In a child process, only the child crashes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

from anomaly_vae.errors import ModelFileError

SECONDS = 300.0
"""Time limit of the child, whose priority is low; its processor time has a separate limit."""

_PROGRAM = "anomaly_vae.model_file.child_program"


def metadata_from_child(data: bytes, *, check_versions: bool, seconds: float = SECONDS) -> dict[str, Any]:
    """Verified metadata of the bytes of a model file, which only a child process loads.

    Raises
    ------
    ModelFileError
        If the child rejects the file, crashes, or exceeds its limits.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-m", _PROGRAM, "check" if check_versions else "any"],
            input=data,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(f"a child process did not load it within {seconds:g} seconds") from None
    answer = _answer(child.stdout)
    if answer is None:
        raise ModelFileError(f"a child process ended with {_ending(child)} while loading it")
    if "error" in answer:
        raise ModelFileError(str(answer["error"]))
    return dict(answer["metadata"])


def _answer(output: bytes) -> dict[str, Any] | None:
    """The answer in the last line of the child's output, if there is one."""
    try:
        answer = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return answer if isinstance(answer, dict) and {"error", "metadata"} & answer.keys() else None


def _ending(child: subprocess.CompletedProcess[bytes]) -> str:
    if child.returncode < 0:
        return signal.Signals(-child.returncode).name
    return f"exit code {child.returncode}"

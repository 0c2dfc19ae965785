"""The command line in a forked child, which has the model in memory already."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from anomaly_vae_pipelines.io import system
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders
from tests.anomaly_vae_pipelines.faults.calls import Counted

FAILED = 70
"""Exit code of a child that did not run the command line to its end."""


@dataclass(frozen=True)
class Child:
    """How a child ended: exit code, what it said, and its system calls where it lived to tell."""

    code: int
    said: str
    steps: list[tuple[str, str]]


def start(arguments: Sequence[str], calls: Counted, report: Path) -> int:
    """The process of a child that runs the command line; ``report`` is where it tells of itself."""
    process = os.fork()
    if process:
        return process
    code = FAILED
    try:
        code = _run(arguments, calls, report)
        report.with_suffix(".steps").write_text(json.dumps(calls.steps))
    finally:
        os._exit(code)


def wait(process: int, report: Path) -> Child:
    """The end of a child."""
    _, status = os.waitpid(process, 0)
    steps = report.with_suffix(".steps")
    known = json.loads(steps.read_text()) if steps.exists() else []
    return Child(os.waitstatus_to_exitcode(status), report.read_text(), [(k, p) for k, p in known])


def run(arguments: Sequence[str], calls: Counted, report: Path) -> Child:
    """Run the command line to its end in a child."""
    report.with_suffix(".steps").unlink(missing_ok=True)
    return wait(start(arguments, calls, report), report)


def cache_models() -> None:
    """Let every later load of a model file give the one that was loaded first."""
    from anomaly_vae_pipelines.scoring import model_files

    model_files.load_with_dialect = cache(model_files.load_with_dialect)


def warm_up(model: str) -> None:
    """Import and compute what every child needs, once for all of them, without starting a thread."""
    import anomaly_vae_pipelines
    from anomaly_vae_pipelines.scoring import model_files

    for module in pkgutil.walk_packages(anomaly_vae_pipelines.__path__, "anomaly_vae_pipelines."):
        if ".service" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    scorer, _ = model_files.load_with_dialect(model)
    rows = pd.DataFrame(orders(2), columns=COLUMNS)[list(scorer.feature_names_in_)]
    scorer.explain_shares(rows.convert_dtypes())
    scorer.score_samples(rows.convert_dtypes())


def _run(arguments: Sequence[str], calls: Counted, report: Path) -> int:
    from anomaly_vae_pipelines.cli.main import cli

    descriptor = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 2)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    system.calls = calls
    try:
        cli.main(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        sys.stderr.flush()
    return 0

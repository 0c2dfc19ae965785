"""What holds for every test: scipy's array API is on, or scikit-learn would skip one of its checks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("SCIPY_ARRAY_API", "1")


def pytest_report_header() -> str:
    """The processor: whether a row keeps its bits could depend on it."""
    from tests.processor import PROCESSOR

    return f"processor: {PROCESSOR}"


LONG = ("forgeries", "docs", "io/test_system.py")
"""Tests that take many seconds each, or share what does: a worker with one of them at the end ends late."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first; all others keep their order."""
    tests = Path(__file__).parent
    long = [path for part in LONG for path in (tests / part, tests / "anomaly_vae_pipelines" / part)]
    items.sort(key=lambda item: not any(item.path.is_relative_to(path) for path in long))


# The program of ``make fuzz``, which imports what only its own environment has.
collect_ignore = ["forgeries/fuzz_target.py", "forgeries/__main__.py"]

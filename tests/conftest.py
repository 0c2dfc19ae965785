"""What holds for every test: scipy's array API is on, or scikit-learn would skip one of its checks."""

from __future__ import annotations

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")


def pytest_report_header() -> str:
    """The processor: whether a row keeps its bits could depend on it."""
    from tests.processor import PROCESSOR

    return f"processor: {PROCESSOR}"


# The program of ``make fuzz``, which imports what only its own environment has.
collect_ignore = ["forgeries/fuzz_target.py", "forgeries/__main__.py"]

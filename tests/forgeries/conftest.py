"""Outcomes of all forgeries that are made by hand; their samples are fitted once."""

from __future__ import annotations

import pytest

from tests.forgeries.running import Outcomes, run


@pytest.fixture(scope="session")
def outcomes() -> Outcomes:
    """Outcomes by name, of those that broke a release and of those that might."""
    return run("known", "red_team")

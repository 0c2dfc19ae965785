"""Forgeries that have not been tried on a release yet do no harm either."""

from __future__ import annotations

import pytest

from tests.forgeries import red_team
from tests.forgeries.making import REFUSED, names
from tests.forgeries.running import Outcomes

NAMES = names(red_team.__name__)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_forgery_does_no_harm(name: str, outcomes: Outcomes) -> None:
    """It is refused in one line, or its scores are finite; within bounds of time, memory and processes."""
    outcome = outcomes[name]
    assert not outcome.verdict.is_breach, outcome
    assert outcome.verdict == "refused" or name not in REFUSED, outcome

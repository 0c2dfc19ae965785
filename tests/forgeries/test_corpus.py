"""The corpus of the fuzzer: genuine files of an earlier release, and files that once caused a breach."""

from __future__ import annotations

import pytest

from tests.forgeries.judge import Verdict
from tests.forgeries.models import CORPUS
from tests.forgeries.running import Outcomes, run

FILES = sorted(path.name for path in CORPUS.iterdir())
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return run("corpus")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_corpus_is_loaded_or_refused(name: str, outcomes: Outcomes) -> None:
    """Every fault that was found stays fixed; a genuine file of an earlier release stays readable."""
    outcome = outcomes[name]
    assert not outcome.verdict.is_breach, outcome
    assert name.startswith("found-") or outcome.verdict is Verdict.SCORED, outcome


def test_the_corpus_is_small() -> None:
    """It is part of every clone."""
    assert sum((CORPUS / name).stat().st_size for name in FILES) < MOST_BYTES

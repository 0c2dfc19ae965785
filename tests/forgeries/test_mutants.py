"""Mutants of model files: a sample of those that `make mutants` tries, the same ones each time."""

from __future__ import annotations

import pytest

from tests.forgeries.judge import Verdict
from tests.forgeries.models import KINDS
from tests.forgeries.mutants import MUTATIONS, jobs, mutant
from tests.forgeries.running import command

SAMPLE = 92
"""One of each mutation of each kind of model, and four forged states; ``make mutants`` tries 20,000."""


@pytest.mark.slow
def test_no_mutant_breaks_anything() -> None:
    """Each is refused in one line or scores finite, within bounds of time, memory and processes."""
    ran = command("", "--mutants", str(SAMPLE), "--workers", "1", "--seed", "1")
    assert ran.returncode == 0, ran.stdout[-6_000:] + ran.stderr[-2_000:]
    assert f"{SAMPLE} mutants, 0 breaches" in ran.stdout


def test_every_kind_of_model_is_mutated_in_every_way() -> None:
    """A sample has all kinds."""
    drawn = {(job.kind, job.mutation) for job in jobs(SAMPLE)}
    assert drawn == {(kind, mutation) for kind in KINDS for mutation in MUTATIONS}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutant_is_the_same_whenever_it_is_made(mutation: str) -> None:
    """Its number determines it; and it differs from its original."""
    job = next(job for job in jobs(100) if job.kind == "numbers" and job.mutation == mutation)
    first = mutant(job)
    assert first.content == mutant(job).content
    assert first.content != first.sample.content


def test_a_verdict_says_whether_it_is_a_breach() -> None:
    """Errors of one line and finite scores are not breaches."""
    fair = {verdict for verdict in Verdict if not verdict.is_breach}
    assert fair == {Verdict.REFUSED, Verdict.SCORED, Verdict.REFUSED_ROWS}

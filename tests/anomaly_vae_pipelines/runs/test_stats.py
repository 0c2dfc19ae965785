"""Counts of a run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.errors import UnseenValuesWarning
from anomaly_vae_pipelines.records import Rejected, ScoredRows
from anomaly_vae_pipelines.runs.stats import RunStats
from tests.anomaly_vae_pipelines.conftest import text_rows

SCORES = st.lists(st.floats(-100, 100), max_size=20)


def scored(scores: list[float]) -> ScoredRows:
    values = np.array(scores, dtype=float)
    return ScoredRows(text_rows(("a",), [["1"]] * len(scores)), values, values, values, values < 0, {})


@given(SCORES, SCORES)
def test_a_restored_state_continues_the_counts(first, second):
    """Saved as JSON and restored between two blocks, the counts are those of both blocks."""
    bad = [Rejected("a.csv", 2, "width", "wanted 2 cells", b"1")]
    whole, part = RunStats(), RunStats()
    for stats in (whole, part):
        stats.add(scored(first), bad)
    part = RunStats.from_state(json.loads(json.dumps(part.get_state())))
    for stats in (whole, part):
        stats.add(scored(second), [])
    assert part == whole or part.get_state() == whole.get_state()
    assert (whole.n_scored, whole.n_rejected) == (len(first) + len(second), 1)
    assert whole.n_rows == whole.n_scored + whole.n_rejected
    assert whole.n_anomalies == sum(score < 0 for score in first + second)


def with_unseen(n_rows: int, n_unseen: int) -> ScoredRows:
    return replace(scored([1.0] * n_rows), unseen={"ver": np.arange(n_rows) < n_unseen})


@pytest.mark.parametrize(("n_rows", "n_unseen"), [(5, 5), (200, 15)])
def test_a_few_unseen_values_are_not_reported(n_rows, n_unseen):
    stats = RunStats()
    stats.add(with_unseen(n_rows, n_unseen), [])
    assert stats.unseen_problem() is None


def test_many_unseen_values_are_reported_in_one_line():
    """The counts of all blocks together, also after a restart."""
    stats = RunStats()
    for _ in range(2):
        stats.add(with_unseen(2500, 2500), [])
        stats = RunStats.from_state(json.loads(json.dumps(stats.get_state())))
    wanted = (
        "column ver: 5,000 of 5,000 rows hold a value that training never saw; was the model fitted on "
        "another release?"
    )
    with pytest.warns(UnseenValuesWarning) as caught:
        stats.warn_of_unseen()
    assert [str(one.message) for one in caught] == [wanted]

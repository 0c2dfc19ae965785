"""Counts of a run."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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

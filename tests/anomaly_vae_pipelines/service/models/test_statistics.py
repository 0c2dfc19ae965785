"""Counts, buckets and drift of scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.service.models.statistics import LEAST, WINDOW, ScoreStatistics

CALIBRATION = np.sort(np.random.default_rng(0).normal(size=2000))


@given(st.lists(st.lists(st.floats(-5, 5), max_size=20), max_size=20))
def test_counts_do_not_depend_on_how_rows_are_split_into_requests(requests: list[list[float]]) -> None:
    apart, together = ScoreStatistics(CALIBRATION), ScoreStatistics(CALIBRATION)
    scores = np.array([score for request in requests for score in request])
    for request in requests:
        apart.add(np.array(request), np.array(request) < -1.0)
    together.add(scores, scores < -1.0)
    one, all_at_once = apart.snapshot(), together.snapshot()
    assert (one.n_rows, one.n_anomalies, one.counts) == (
        len(scores), (scores < -1.0).sum(), all_at_once.counts
    )  # fmt: skip
    assert sum(one.counts) == len(scores)
    assert one.total == pytest.approx(scores.sum())


def test_a_bucket_holds_the_scores_up_to_its_upper_bound() -> None:
    statistics = ScoreStatistics(CALIBRATION)
    edges = np.array(statistics.snapshot().edges)
    statistics.add(edges, np.zeros(len(edges), dtype=bool))
    assert statistics.snapshot().counts == (1,) * len(edges) + (0,)


def test_drift_is_small_for_the_same_scores_and_large_for_others() -> None:
    statistics = ScoreStatistics(CALIBRATION)
    assert (statistics.snapshot().drift, statistics.snapshot().n_recent) == (None, 0)
    random = np.random.default_rng(1)
    statistics.add(random.normal(size=WINDOW), np.zeros(WINDOW, dtype=bool))
    assert statistics.snapshot().drift < 0.05  # type: ignore[operator]
    for _ in range(3):
        statistics.add(random.normal(size=WINDOW) + 9.0, np.zeros(WINDOW, dtype=bool))
    assert statistics.snapshot().drift > 0.99  # type: ignore[operator]


def test_there_is_no_drift_of_few_rows() -> None:
    """Two still rows would have a distance of .5, and an alert at .2 would fire."""
    statistics, random = ScoreStatistics(CALIBRATION), np.random.default_rng(2)
    statistics.add(random.normal(size=LEAST - 1), np.zeros(LEAST - 1, dtype=bool))
    assert (statistics.snapshot().drift, statistics.snapshot().n_recent) == (None, LEAST - 1)
    statistics.add(random.normal(size=1), np.zeros(1, dtype=bool))
    assert statistics.snapshot().drift < 0.2  # type: ignore[operator]
    assert statistics.snapshot().n_recent == LEAST


def test_a_request_without_scored_rows_has_no_drift() -> None:
    statistics = ScoreStatistics(CALIBRATION)
    statistics.add(np.array([]), np.array([], dtype=bool))
    assert statistics.snapshot().drift is None

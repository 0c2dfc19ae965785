"""The worst rows of a run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from anomaly_vae_pipelines.reasons import Reasons
from anomaly_vae_pipelines.records import Rows, ScoredRows
from anomaly_vae_pipelines.runs.worst import N_WORST, WorstRows

SCORES = np.random.default_rng(0).normal(size=60).round(1)


def scored(first: int, last: int) -> ScoredRows:
    scores = SCORES[first:last]
    rows = Rows("a.csv", (), pa.table({}), np.arange(first, last) + 2)
    is_anomaly = scores < 0.0
    reasons = Reasons({int(i): [("x", -1.0, 1.0)] for i in np.flatnonzero(is_anomaly)})
    return ScoredRows(rows, scores, np.zeros(len(scores)), -scores, is_anomaly, reasons)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_they_do_not_depend_on_the_blocks(size):
    """They are the flagged rows with the lowest scores; of equal scores, the first."""
    worst = WorstRows(with_source=False)
    for first in range(0, len(SCORES), size):
        worst.add(scored(first, min(first + size, len(SCORES))))
    lowest = np.argsort(SCORES, kind="stable")[:N_WORST]
    assert [row.name for row in worst.rows] == [f"line {i + 2}" for i in lowest]
    assert [row.score for row in worst.rows] == SCORES[lowest].tolist()
    assert worst.rows[0].reasons == "x:-1.0 (100 %)"


def test_rows_that_are_not_flagged_are_not_kept():
    """Fewer than five may be left; of several files the file is named."""
    worst = WorstRows(with_source=True)
    normal = scored(0, 3)
    normal.is_anomaly[:] = False
    worst.add(normal)
    assert worst.rows == ()
    one = scored(0, 3)
    one.is_anomaly[:] = [False, True, False]
    worst.add(one)
    assert [row.name for row in worst.rows] == ["a.csv, line 3"]

"""The sample of scored rows: of bounded size, the same for any blocks, each row with its own score."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae_pipelines.reasons import Reasons
from anomaly_vae_pipelines.records import ScoredRows
from anomaly_vae_pipelines.runs import scored_sample
from anomaly_vae_pipelines.runs.scored_sample import ScoredSample
from tests.anomaly_vae_pipelines.conftest import text_rows


def _sampled(n_rows: int, n_blocks: int):
    sample = ScoredSample()
    for part in np.array_split(np.arange(n_rows), n_blocks):
        rows = text_rows(["number"], [[str(number)] for number in part])
        scores = part.astype(float)
        sample.add(ScoredRows(rows, scores, scores, scores, scores < 0, Reasons()))
    return sample.sampled()


@pytest.mark.parametrize("n_rows", [30, 3000])
def test_rows_keep_their_scores_and_positions_whatever_the_blocks(monkeypatch, n_rows):
    monkeypatch.setattr(scored_sample, "N_ROWS", 100)
    whole, parts = _sampled(n_rows, 1), _sampled(n_rows, 7)
    for sampled in (whole, parts):
        assert len(sampled.rows) == min(n_rows, 100)
        assert sampled.rows.cells("number") == [str(position) for position in sampled.positions]
        assert list(sampled.scores) == list(sampled.positions) == sorted(sampled.positions)
    assert list(whole.positions) == list(parts.positions)


def test_without_rows_there_is_no_sample():
    assert ScoredSample().sampled() is None

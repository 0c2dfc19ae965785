"""Bins of scores: laws of counts and edges, and of the scale."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from anomaly_vae.score_bins import ScoreBins, ScoreScale

NATS = st.floats(-1e12, 1e12)
SCORES = arrays.arrays(np.float64, st.integers(1, 40), elements=NATS)


@given(SCORES, SCORES, NATS)
def test_every_score_is_counted_on_its_side_of_the_threshold(
    normal: NDArray[np.float64], odd: NDArray[np.float64], offset: float
) -> None:
    """The bins below it hold just the scores that raise an alert, in each group."""
    bins = ScoreBins.of({"normal": normal, "odd": odd}, offset)
    for scores, counts in ((normal, bins.counts["normal"]), (odd, bins.counts["odd"])):
        assert sum(counts) == len(scores)
        assert sum(counts[: bins.n_below]) == (scores < offset).sum()
    assert len(bins.edges) == 41
    assert (np.diff(bins.edges) >= 0).all()
    assert bins.edges[bins.n_below] == offset


@pytest.mark.parametrize("offset", [-5.0, 0.0, 5.0])
def test_equal_scores_are_counted(offset: float) -> None:
    """A score at the threshold is not below it."""
    bins = ScoreBins.of({"rows": np.zeros(7)}, offset)
    assert sum(bins.counts["rows"][: bins.n_below]) == (7 if offset > 0 else 0)
    assert sum(bins.counts["rows"]) == 7


def test_an_empty_group_has_no_counts() -> None:
    """As of a file without anomalies."""
    assert sum(ScoreBins.of({"a": np.zeros(0), "b": np.arange(3.0)}, 1.0).counts["a"]) == 0


def test_it_can_be_written_as_json() -> None:
    """And read again."""
    bins = ScoreBins.of({"rows": np.arange(9.0)}, 2.0)
    assert ScoreBins(**json.loads(json.dumps(bins.to_json()))) == bins


def test_a_long_tail_does_not_squeeze_the_bulk() -> None:
    """The bulk has several bins although one score is a million times as far away."""
    scores = np.concatenate([np.random.default_rng(0).normal(size=500), [-1e6]])
    counts = np.array(ScoreBins.of({"rows": scores}, -3.0).counts["rows"])
    assert (counts > 0).sum() > 5
    assert not ScoreScale.of(scores).is_linear
    assert ScoreScale.of(scores[:-1]).is_linear


@given(NATS)
def test_the_scale_can_be_inverted(nats: float) -> None:
    """Up to rounding."""
    scale = ScoreScale(-100.0, 20.0, False)
    assert scale.inverse(scale.forward(nats)) == pytest.approx(nats, rel=1e-6, abs=1e-6)

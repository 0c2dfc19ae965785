"""Samples of streams of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.sampling.rows import RowSample, row_keys


def sampled(n_stream: int, n_rows: int, sizes: list[int], seed: int = 0) -> np.ndarray:
    """The sample of a stream of numbers from 0 on, cut into pieces of some sizes in turn."""
    sample = RowSample(n_rows, lambda rows, at: rows[at], np.concatenate, seed)
    start = step = 0
    while start < n_stream:
        end = min(start + sizes[step % len(sizes)], n_stream)
        sample.add(np.arange(start, end), end - start)
        start, step = end, step + 1
    assert sample.n_seen == n_stream
    return sample.rows()


@given(
    st.integers(1, 400),
    st.integers(1, 60),
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.integers(0, 9),
)
def test_the_sample_does_not_depend_on_the_pieces(n_stream, n_rows, sizes, seed):
    """It has the asked size and the order of the stream, and no row twice."""
    found = sampled(n_stream, n_rows, sizes, seed)
    assert found.tolist() == sampled(n_stream, n_rows, [n_stream], seed).tolist()
    assert len(found) == min(n_rows, n_stream)
    assert (np.diff(found) > 0).all()


def test_each_row_is_as_likely_as_another():
    """Counts over many seeds are those of a binomial distribution, at the ends of the stream too."""
    counts = np.zeros(50)
    for seed in range(2_000):
        counts[sampled(50, 10, [7], seed)] += 1
    spread = np.sqrt(2_000 * 0.2 * 0.8)
    assert np.abs(counts - 400).max() < 4.5 * spread
    assert counts.std() == pytest.approx(spread, rel=0.35)


def test_samples_of_parts_merge_to_the_sample_of_the_whole():
    """The rows with the smallest keys of the parts include those of the whole."""
    keys = row_keys(np.arange(1_000), seed=3)
    parts = [keys[:300], keys[300:]]
    smallest = np.sort(np.concatenate([np.sort(part)[:20] for part in parts]))[:20]
    assert smallest.tolist() == np.sort(keys)[:20].tolist()
    assert (row_keys(np.arange(300, 1_000), seed=3) == keys[300:]).all()


def test_keys_are_distinct_and_differ_by_seed():
    """A bijection has no ties."""
    assert len(np.unique(row_keys(np.arange(100_000), 0))) == 100_000
    assert np.mean(row_keys(np.arange(1_000), 0) == row_keys(np.arange(1_000), 1)) == 0.0


def test_a_sample_of_nothing_is_an_error():
    """There is no piece to return."""
    with pytest.raises(ValueError, match="no rows were added"):
        RowSample(3, lambda rows, at: rows[at], np.concatenate).rows()

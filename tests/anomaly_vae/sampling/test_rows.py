"""Samples of streams of rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae import InputError
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


def sampled_parts(n_stream: int, n_rows: int, cuts: list[int], seed: int) -> list[RowSample]:
    """The samples of the parts of that stream between some cuts."""
    ends = sorted({0, n_stream, *(cut % n_stream for cut in cuts)})
    parts = []
    for start, end in pairwise(ends):
        part = RowSample(n_rows, lambda rows, at: rows[at], np.concatenate, seed, start)
        part.add(np.arange(start, end), end - start)
        parts.append(part)
    return parts


@given(
    st.integers(2, 400),
    st.integers(1, 60),
    st.lists(st.integers(0, 400), max_size=8),
    st.integers(0, 9),
    st.randoms(use_true_random=False),
)
def test_samples_of_parts_merge_to_the_sample_of_the_whole(n_stream, n_rows, cuts, seed, random):
    """However the stream is cut, and in whatever order the parts are merged; more rows may follow."""
    parts = sampled_parts(n_stream, n_rows, cuts, seed)
    while len(parts) > 1:
        random.shuffle(parts)
        parts[0].merge(parts.pop())
    (merged,) = parts
    assert merged.n_seen == n_stream
    assert merged.rows().tolist() == merged.positions.tolist()
    assert merged.rows().tolist() == sampled(n_stream, n_rows, [n_stream], seed).tolist()
    merged.add(np.arange(n_stream, n_stream + 50), 50)
    assert merged.rows().tolist() == sampled(n_stream + 50, n_rows, [n_stream + 50], seed).tolist()


def test_samples_with_other_settings_do_not_merge():
    """They would not be a sample of the whole."""
    one, other = (RowSample(3, lambda rows, at: rows[at], np.concatenate, seed) for seed in (0, 1))
    with pytest.raises(InputError, match=r"^samples with different sizes.*\(3, 0\) and \(3, 1\)$"):
        one.merge(other)


@pytest.mark.parametrize("n_rows", [0, -1])
def test_a_sample_has_at_least_one_row(n_rows):
    with pytest.raises(InputError, match=rf"^a sample has at least 1 row, got n_rows={n_rows}$"):
        RowSample(n_rows, lambda rows, at: rows[at], np.concatenate)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_is_an_unsigned_integer(seed):
    with pytest.raises(InputError, match=r"^seed: wanted an integer from 0 to 2\*\*64 - 1, got"):
        RowSample(3, lambda rows, at: rows[at], np.concatenate, seed)


def test_keys_are_distinct_and_differ_by_seed():
    """A bijection has no ties."""
    assert len(np.unique(row_keys(np.arange(100_000), 0))) == 100_000
    assert np.mean(row_keys(np.arange(1_000), 0) == row_keys(np.arange(1_000), 1)) == 0.0


def test_a_sample_of_nothing_is_an_error():
    """There is no piece to return."""
    with pytest.raises(ValueError, match="no rows were added"):
        RowSample(3, lambda rows, at: rows[at], np.concatenate).rows()

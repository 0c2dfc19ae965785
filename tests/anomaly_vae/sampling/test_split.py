"""Samples of two parts: shares of keys, rows that are held out, and independence of the pieces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from anomaly_vae import InputError
from anomaly_vae.sampling import split
from anomaly_vae.sampling.split import SplitSample, equal_share
from anomaly_vae.streaming import TableReader


def sampled(keys: list[object], sizes: list[int], seed: int = 0, column: str | None = "key") -> SplitSample:
    """A sample of 30 rows to train on and 10 held out of rows with these keys, in pieces of some sizes."""
    sample = SplitSample(TableReader(), 40, 10, 30, seed, column)
    frame = pd.DataFrame({"key": keys, "row": range(len(keys))})
    start = step = 0
    while start < len(frame):
        piece = frame.iloc[start : start + sizes[step % len(sizes)]]
        sample.add(piece, len(piece))
        start, step = start + len(piece), step + 1
    return sample


def keys_of(n_rows: int, seed: int = 0) -> list[str]:
    """Keys of which each is twice as frequent as the next."""
    return [f"h{k}" for k in np.random.default_rng(seed).geometric(0.5, n_rows)]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.lists(st.integers(3, 90), min_size=1, max_size=4), st.integers(0, 5))
def test_the_sample_does_not_depend_on_the_pieces(n_rows, sizes, seed):
    """Nor do the rows that are held out; all are in the order of the stream."""
    keys = keys_of(n_rows, seed)
    found, whole = sampled(keys, sizes, seed), sampled(keys, [n_rows], seed)
    assert found.rows()["row"].tolist() == whole.rows()["row"].tolist() == found.positions.tolist()
    assert (np.diff(found.positions) > 0).all()
    if n_rows <= 40:
        assert found.held_out is None
        assert len(found.positions) == n_rows
    else:
        assert found.held_out.tolist() == whole.held_out.tolist()
        assert found.held_out.sum() == 10


@settings(max_examples=50, deadline=None)
@given(
    st.integers(2, 300),
    st.lists(st.integers(0, 300), max_size=6),
    st.integers(0, 5),
    st.sampled_from([None, "x0"]),
    st.randoms(use_true_random=False),
)
def test_samples_of_parts_merge_to_the_sample_of_the_whole(n_rows, cuts, seed, column, random):
    """With the same rows held out; also if the parts do not have all keys, and some lack one."""
    cells = np.array([[key, row] for row, key in enumerate(keys_of(n_rows, seed))], dtype=object)
    cells[::11, 0] = None

    def part(start: int, end: int) -> SplitSample:
        sample = SplitSample(TableReader(), 40, 10, 30, seed, column, start)
        sample.add(cells[start:end], end - start)
        return sample

    whole = part(0, n_rows)
    parts = [part(*ends) for ends in pairwise(sorted({0, n_rows, *(cut % n_rows for cut in cuts)}))]
    while len(parts) > 1:
        random.shuffle(parts)
        parts[0].merge(parts.pop())
    (merged,) = parts
    assert (merged.n_seen, merged.next_position) == (n_rows, n_rows)
    assert merged.positions.tolist() == whole.positions.tolist() == merged.rows()[:, 1].tolist()
    assert (merged.held_out is None) == (whole.held_out is None)
    assert whole.held_out is None or (merged.held_out == whole.held_out).all()


def test_each_key_gives_the_same_number_of_rows_or_all():
    """Of the rows that are not held out."""
    keys = keys_of(2_000)
    sample = sampled(keys, [97])
    trained = sample.rows()["key"][~sample.held_out].value_counts()
    total = pd.Series(keys).value_counts() - sample.rows()["key"][sample.held_out].value_counts().reindex(
        pd.Series(keys).unique(), fill_value=0
    )
    quota = equal_share(total.to_numpy(), 30)
    assert trained.to_dict() == total.clip(upper=quota)[lambda left: left > 0].to_dict()
    assert 30 - len(total) < trained.sum() <= 30


def test_rows_are_held_out_uniformly_and_trained_on_uniformly_within_a_key():
    """Counts over many seeds are like those of uniform draws, by a chi-square test."""
    keys = ["rare"] * 5 + ["a", "b"] * 40
    held_out, trained = np.zeros(85), np.zeros(85)
    for seed in range(200):
        sample = sampled(keys, [85], seed)
        held_out[sample.positions[sample.held_out]] += 1
        trained[sample.positions[~sample.held_out]] += 1
    assert chisquare(held_out).pvalue > 0.001
    assert (trained + held_out)[:5].tolist() == [200] * 5
    assert chisquare(trained[5::2]).pvalue > 0.001
    assert chisquare(trained[6::2]).pvalue > 0.001


def test_without_a_key_both_samples_are_uniform():
    """By a chi-square test; no row is in both."""
    held_out, trained = np.zeros(60), np.zeros(60)
    for seed in range(200):
        sample = sampled(["a"] * 60, [7, 40], seed, column=None)
        held_out[sample.positions[sample.held_out]] += 1
        trained[sample.positions[~sample.held_out]] += 1
    assert (held_out.sum(), trained.sum()) == (2_000, 6_000)
    assert chisquare(held_out).pvalue > 0.001
    assert chisquare(trained).pvalue > 0.001


def test_missing_keys_are_one_key():
    """In pieces of any type."""
    keys = [None] * 50 + ["a"] * 50
    found = sampled(keys, [50])
    assert found.rows()["key"][~found.held_out].isna().sum() == 15


def test_a_key_with_too_many_values_is_refused(monkeypatch):
    """Unless all rows are kept."""
    monkeypatch.setattr(split, "MAX_STRATA", 20)
    with pytest.raises(InputError, match=r"^column 'key' has more than 20 values, too many .* with fewer"):
        sampled([f"h{k}" for k in range(50)], [7])
    assert len(sampled([f"h{k}" for k in range(40)], [7]).rows()) == 40
    part = sampled([f"h{k}" for k in range(40)], [40])
    with pytest.raises(InputError, match=r"^column 'key' has more than 20 values"):
        part.merge(sampled(["h1"], [1]))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(20, 200))
def test_an_equal_share_is_the_largest_that_fits(sizes, n_rows):
    """One more row per stratum would be too many, unless all rows are given."""
    share = equal_share(np.array(sizes), n_rows)
    assert np.minimum(sizes, share).sum() <= n_rows
    assert share == max(sizes) or np.minimum(sizes, share + 1).sum() > n_rows

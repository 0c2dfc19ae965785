"""The rows of a stream to fit on."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.sampling.stream import Drawn, StreamSample
from anomaly_vae.streaming import TableReader

FRAME = pd.DataFrame({"colour": ["red", "blue"] * 100, "row": range(200)})
FRAME.loc[[3, 120, 199], "colour"] = ["green", "mauve", "pink"]


def drawn(size: int, n_rows: int, per: str | None = None) -> Drawn[pd.DataFrame]:
    sample: StreamSample[pd.DataFrame] = StreamSample(TableReader(), n_rows, 0, per)
    for start in range(0, len(FRAME), size):
        piece = FRAME[start : start + size]
        sample.add(piece, len(piece), sample.words(piece, len(piece)))
    assert sample.n_seen == len(FRAME)
    return sample.drawn()


@pytest.mark.parametrize("size", [1, 7, 200])
@pytest.mark.parametrize("per", [None, "colour"])
def test_every_word_is_among_the_rows_to_train_on(size, per):
    """The rows are those of their positions; a row that is held out stays so."""
    rows, positions, held_out = drawn(size, 30, per)
    assert rows["row"].tolist() == positions.tolist() == drawn(200, 30, per).positions.tolist()
    only_held_out = set(rows["colour"][held_out]) - {"red", "blue"}
    assert set(rows["colour"][~held_out]) == set(FRAME["colour"]) - only_held_out
    assert len(set(positions)) == len(positions)
    assert held_out.sum() == 10
    assert not held_out[30:].any()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 199), max_size=5),
    st.integers(20, 210),
    st.sampled_from([None, "x0"]),
    st.randoms(use_true_random=False),
)
def test_samples_of_parts_merge_to_the_sample_of_the_whole(cuts, n_rows, per, random):
    """With every word; also if only the parts together have more rows than are kept."""
    cells = FRAME.to_numpy(dtype=object)

    def part(start: int, end: int) -> StreamSample[np.ndarray]:
        sample: StreamSample[np.ndarray] = StreamSample(TableReader(), n_rows, 0, per, start=start)
        sample.add(cells[start:end], end - start)
        return sample

    whole = part(0, 200).drawn()
    parts = [part(*ends) for ends in pairwise(sorted({0, 200, *cuts}))]
    while len(parts) > 1:
        random.shuffle(parts)
        parts[0].merge(parts.pop())
    merged = pickle.loads(pickle.dumps(parts[0])).drawn()
    assert merged.positions.tolist() == whole.positions.tolist() == merged.rows[:, 1].tolist()
    assert (merged.rows == whole.rows).all()
    assert np.array_equal(merged.held_out, whole.held_out)


@pytest.mark.parametrize("n_rows", [200, 1_000])
def test_a_short_stream_is_kept_as_it_is(n_rows):
    """And the fit chooses what to hold out."""
    rows, positions, held_out = drawn(33, n_rows)
    assert rows.equals(FRAME)
    assert positions.tolist() == list(range(200))
    assert held_out is None

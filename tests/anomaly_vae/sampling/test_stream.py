"""The rows of a stream to fit on."""

from __future__ import annotations

import pandas as pd
import pytest

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


@pytest.mark.parametrize("n_rows", [200, 1_000])
def test_a_short_stream_is_kept_as_it_is(n_rows):
    """And the fit chooses what to hold out."""
    rows, positions, held_out = drawn(33, n_rows)
    assert rows.equals(FRAME)
    assert positions.tolist() == list(range(200))
    assert held_out is None

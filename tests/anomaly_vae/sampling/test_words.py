"""The first rows with each word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.sampling import words
from anomaly_vae.sampling.words import WordExamples
from anomaly_vae.streaming import TableReader

FRAME = pd.DataFrame({"a": [*"xyxz"], "b": ["p", None, "7 kg", " "], "n": [1, 2, 3, 4]})
NONE = np.zeros(0, dtype=np.int64)


def examples(*frames: pd.DataFrame) -> WordExamples:
    """The examples of a stream of frames."""
    reader, first = TableReader(), 0
    found = WordExamples(reader)
    for frame in frames:
        found.add(frame, np.arange(first, first + len(frame)), reader.words(frame, found.closed))
        first += len(frame)
    return found


@pytest.mark.parametrize("size", [1, 3, 4])
def test_the_first_row_with_a_word_is_found(size):
    """However the stream is cut; texts like numbers and blanks are not words."""
    found = examples(*(FRAME[start : start + size] for start in range(0, 4, size)))
    rows, positions = found.lacking(FRAME[:0], NONE)
    assert positions.tolist() == [0, 1, 3]
    assert rows["a"].tolist() == ["x", "y", "z"]
    assert found.lacking(FRAME, NONE) is None
    assert found.lacking(FRAME[:2], NONE)[1].tolist() == [3]
    assert found.lacking(FRAME[:0], np.array([0, 3]))[1].tolist() == [1]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(4)), st.sampled_from([1, 2, 1_000]))
def test_the_words_of_parts_merge(order, most):
    """The first row of the whole with each word is found, and the same columns are closed, in any order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "MAX_WORDS", most)
        whole = examples(FRAME)
        merged = WordExamples(TableReader())
        for row in order:
            part = WordExamples(TableReader())
            part.add(FRAME[row : row + 1], np.array([row]), TableReader().words(FRAME[row : row + 1], ()))
            merged.merge(part)
    assert (merged.closed, merged.are_found) == (whole.closed, whole.are_found)
    if whole.are_found:
        (rows, positions), wanted = merged.lacking(FRAME[:0], NONE), whole.lacking(FRAME[:0], NONE)
        assert positions.tolist() == wanted[1].tolist()
        assert rows["n"].tolist() == wanted[0]["n"].tolist() == [row + 1 for row in positions]


def test_a_column_with_many_words_is_closed(monkeypatch):
    """It is text; the other columns are looked into."""
    monkeypatch.setattr(words, "MAX_WORDS", 2)
    found = examples(FRAME, FRAME)
    assert found.closed == {"a"}
    assert found.lacking(FRAME[1:], NONE)[1].tolist() == [0]


def test_no_more_examples_are_added_than_a_limit(monkeypatch):
    """The first of the stream."""
    monkeypatch.setattr(words, "MAX_EXAMPLES", 2)
    assert examples(FRAME).lacking(FRAME[:0], NONE)[1].tolist() == [0, 1]


def test_words_of_categories_may_be_numbers():
    """A stream of arrays has them too."""
    reader = TableReader(["x0"])
    cells = np.array([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0], [1.0, 5.0]])
    assert reader.words(cells, ()) == {"x0": [1.0, 2.0]}
    assert reader.words(cells, ["x0"]) == {}
    assert reader.place(cells, "x0", 2.0) == 1
    assert TableReader().words(cells, ()) == {}

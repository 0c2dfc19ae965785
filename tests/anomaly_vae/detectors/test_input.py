"""Input checks of tables: the fast path for plain frames, and the full checks for all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae.detectors._input import as_table


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A frame of floats, some of them missing."""
    x = np.random.default_rng(0).normal(size=(120, 3))
    x[5, 1] = np.nan
    return pd.DataFrame(x, columns=["a", "b", "c"])


@pytest.fixture(scope="module")
def detector(frame: pd.DataFrame) -> TabularVAEDetector:
    """Fitted on the frame."""
    return TabularVAEDetector(max_steps=20, validation_fraction=0.5, hidden_sizes=[8], random_state=0).fit(
        frame
    )


def test_a_plain_frame_is_used_as_its_array(detector: TabularVAEDetector, frame: pd.DataFrame) -> None:
    """Without a copy if its memory is contiguous."""
    taken = as_table(detector, frame[:10], reset=False)
    assert isinstance(taken, np.ndarray)
    assert np.shares_memory(taken, frame.to_numpy())


def test_both_paths_give_the_same_scores(detector: TabularVAEDetector, frame: pd.DataFrame) -> None:
    """To the last bit; contributions and explanations are the same too."""
    checked = frame.astype({"a": object})
    assert isinstance(as_table(detector, checked, reset=False), pd.DataFrame)
    np.testing.assert_array_equal(detector.score_samples(frame), detector.score_samples(checked))
    pd.testing.assert_frame_equal(detector.score_contributions(frame), detector.score_contributions(checked))
    assert detector.explain(frame) == detector.explain(checked)
    narrow = frame.astype(np.float32)
    np.testing.assert_array_equal(
        detector.score_samples(narrow), detector.score_samples(narrow.astype(np.float64))
    )


def test_contributions_keep_the_index_of_a_plain_frame(
    detector: TabularVAEDetector, frame: pd.DataFrame
) -> None:
    """Each contribution has the label of its row."""
    assert detector.score_contributions(frame[7:9]).index.tolist() == [7, 8]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["b", "a", "c"], "same order"),
        (["a", "b"], "missing"),
        (["a", "b", "c", "c"], "more than once"),
    ],
)
def test_other_columns_are_errors(
    detector: TabularVAEDetector, frame: pd.DataFrame, columns: list[str], said: str
) -> None:
    """Frames of floats are checked too."""
    with pytest.raises(ValueError, match=said):
        detector.score_samples(frame[columns])


def test_an_empty_frame_is_an_error(detector: TabularVAEDetector, frame: pd.DataFrame) -> None:
    """Its columns are right, but it has no row."""
    with pytest.raises(ValueError, match="minimum of 1"):
        detector.score_samples(frame[:0])


def test_complex_numbers_are_errors(detector: TabularVAEDetector, frame: pd.DataFrame) -> None:
    """Only real numbers are supported."""
    with pytest.raises(ValueError, match="Complex data"):
        detector.score_samples(frame.astype(complex))

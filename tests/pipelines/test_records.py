"""What passes between stages."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.records import Evaluation, Rows, ScoredBatch, TextChunk


def batch(score: float = -1.5, p_value: float = 0.25, prefix: str = "") -> ScoredBatch:
    chunk = TextChunk(("id",), [["007"]], [2])
    results = np.array([score]), np.array([p_value]), np.array([True]), ["a:-3.0"]
    return ScoredBatch(chunk, *results, prefix=prefix)


def test_results_follow_the_columns_of_the_input():
    """The input's cells are first and as they came."""
    assert batch().columns == ("id", "score", "p_value", "is_anomaly", "top_columns")
    assert list(batch().rows) == [("007", "-1.5", "0.25", "true", "a:-3.0")]


def test_a_prefix_renames_the_results_only():
    """Columns of the input keep their names."""
    assert batch(prefix="vae_").columns[:2] == ("id", "vae_score")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_score_reads_back_bit_for_bit(score):
    """No digit of a score is lost."""
    ((_, text, *_),) = batch(score).rows
    assert float(text) == score


def test_a_p_value_has_six_digits():
    """More digits of a p-value say nothing."""
    ((_, _, text, *_),) = batch(p_value=1 / 3).rows
    assert text == "0.333333"


def test_precision_without_alerts_is_unknown():
    """Nothing divided by nothing is None, not zero or one."""
    quiet = Evaluation(8, 2, 0, 0.9, 0.8, -3.0, n_alerts=0, n_hits=0)
    assert (quiet.precision, quiet.recall, quiet.false_alarm_rate) == (None, 0.0, 0.0)
    loud = Evaluation(8, 2, 0, 0.9, 0.8, -3.0, n_alerts=5, n_hits=1)
    assert (loud.precision, loud.recall, loud.false_alarm_rate) == (0.2, 0.5, 0.5)


def test_cells_of_typed_columns_are_text():
    """Text is as it came, a missing cell is empty, whatever the type of its column."""
    table = pa.table({"code": ["007", None], "share": [1.5, None], "open": [None, True]})
    rows = Rows("rows.parquet", ("code", "share", "open"), table, np.arange(1, 3))
    assert [rows.cells(name) for name in rows.columns] == [["007", ""], ["1.5", ""], ["", "true"]]

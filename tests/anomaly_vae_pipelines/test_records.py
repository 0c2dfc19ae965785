"""What passes between stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from anomaly_vae.score_bins import ScoreBins
from anomaly_vae_pipelines.records import Evaluation, Rows
from tests.anomaly_vae_pipelines.conftest import text_rows


def test_cells_of_any_type_are_text():
    """Missing cells are empty, numbers and booleans as they are written."""
    table = pa.table({"n": [1.5, None], "b": [True, None], "s": ["x", None]})
    rows = Rows("a.parquet", ("n", "b", "s"), table, np.array([1, 2]))
    assert [rows.cells(name) for name in rows.columns] == [["1.5", ""], ["true", ""], ["x", ""]]


def test_rows_that_are_taken_keep_what_is_theirs():
    """Cells, line numbers and bytes of a row stay together."""
    rows = text_rows(("a",), [["x"], ["y"], ["z"]]).take(np.array([True, False, True]))
    assert (rows.cells("a"), rows.numbers.tolist(), rows.raw.to_pylist()) == (
        ["x", "z"],
        [2, 4],
        [b"x", b"z"],
    )


def test_precision_without_alerts_is_unknown():
    """Nothing divided by nothing is None, not zero or one."""
    quiet = Evaluation(8, 2, 0, 0.9, 0.8, -3.0, n_alerts=0, n_hits=0, histogram=ScoreBins([], 0, {}))
    assert (quiet.precision, quiet.recall, quiet.false_alarm_rate) == (None, 0.0, 0.0)
    loud = replace(quiet, n_alerts=5, n_hits=1)
    assert (loud.precision, loud.recall, loud.false_alarm_rate) == (0.2, 0.5, 0.5)

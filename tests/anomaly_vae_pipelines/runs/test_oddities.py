"""What is odd about columns; tests of the check have each of them."""

from __future__ import annotations

import pandas as pd

from anomaly_vae.columns.kinds import choose_readers
from anomaly_vae.columns.readers import NumberReader
from anomaly_vae_pipelines.runs.oddities import oddities_in_short, oddities_of

TABLE = pd.DataFrame({"x": [1.0, 2.5, 2.0, 1.5], "same": ["a"] * 4, "rare": [1.0, None, None, None]})


def test_what_is_odd_is_named_by_column():
    readers = choose_readers(TABLE, list(TABLE), {})
    assert oddities_of(readers[0], TABLE["x"]) == ()
    assert oddities_in_short(readers, TABLE) == (
        "same: has one value only", "rare: 75% of its cells are missing",
    )  # fmt: skip


def test_infinite_cells_are_counted():
    """Also numbers that are beyond the range of floats."""
    cells = pd.Series([1.0, float("inf"), float("-inf"), 2.0, None])
    assert oddities_of(NumberReader("x"), cells) == (
        "2 cells are infinite or beyond the range of floats; correct them",
    )


def test_columns_behind_the_steps_of_a_pipeline_are_not_those_of_the_table():
    assert oddities_in_short([NumberReader("x0")], TABLE) == ()

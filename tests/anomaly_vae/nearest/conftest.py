"""A mixed table with one damaged cell in each row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def damaged(fresh: pd.DataFrame) -> pd.DataFrame:
    """Rows of every kind of column, every second of them with a cell that training did not see."""
    rows = fresh[:40].copy()
    rows["colour"] = rows["colour"].astype(object)
    for k, (column, cell) in enumerate(
        [("length", 60.0), ("weight", -70.0), ("colour", "purple"), ("unit", 9), ("length", np.nan)] * 4
    ):
        rows.loc[rows.index[2 * k], column] = cell
    return rows

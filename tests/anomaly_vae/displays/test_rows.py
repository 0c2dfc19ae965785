"""One row of a table and its cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError, SchemaError, TabularVAEDetector
from anomaly_vae.displays._rows import one_row


def test_a_row_of_a_frame_keeps_the_types_of_its_cells(
    fitted: TabularVAEDetector, fresh: pd.DataFrame
) -> None:
    """And its index."""
    row, cells = one_row(fitted, fresh, 4)
    assert row.equals(fresh.iloc[4:5])
    assert cells[list(fresh.columns).index("colour")] == fresh["colour"].iloc[4]
    assert isinstance(cells[0], float)


def test_a_row_of_an_array_is_a_row() -> None:
    """Its cells are those of the array."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    detector = TabularVAEDetector(novelty=True, max_steps=2, validation_fraction=0.5, random_state=0).fit(X)
    row, cells = one_row(detector, X.tolist(), 3)
    assert row.tolist() == [X[3].tolist()] == [cells]


def test_a_row_that_is_not_there_is_an_error(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """So are other columns."""
    with pytest.raises(InputError, match="row should be a position from 0 to 299, got 300"):
        one_row(fitted, fresh, 300)
    with pytest.raises((SchemaError, ValueError)):
        one_row(fitted, fresh[["length"]], 0)

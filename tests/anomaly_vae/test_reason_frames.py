"""Reasons as a DataFrame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anomaly_vae.reason_frames import columns_of, reasons_frame

INDEX = pd.Index(["Ada", "Bob"])
CHANGES = np.array([[-1.0, 2.0, -3.0], [0.0, -0.5, 1.0]])
OBSERVED = {0: [1, 2], 1: pd.Series(["x", "y"])}


def test_a_line_is_a_column_that_cost() -> None:
    """Rows in their order, the worst column first; a column without cells has none."""
    frame = reasons_frame(INDEX, ["a", "b", "latent"], CHANGES, OBSERVED, {})
    assert frame["row"].tolist() == ["Ada", "Ada", "Bob"]
    assert frame["column"].tolist() == ["latent", "a", "b"]
    assert frame["nats"].tolist() == [-3.0, -1.0, -0.5]
    assert pd.isna(frame["observed"][0])
    assert frame["observed"].tolist()[1:] == [1, "y"]
    assert frame["expected"].isna().all()


def test_the_most_lines_per_row_are_the_worst() -> None:
    frame = reasons_frame(INDEX, ["a", "b", "latent"], CHANGES, OBSERVED, {}, 1)
    assert frame["column"].tolist() == ["latent", "b"]


def test_numbers_stay_numbers() -> None:
    frame = reasons_frame(INDEX, ["a", "b", "c"], CHANGES, columns_of(np.eye(2, 3)), {})
    assert frame["observed"].dtype == np.float64
    assert frame["observed"].tolist() == [0.0, 1.0, 1.0]


def test_no_line_has_all_columns() -> None:
    frame = reasons_frame(INDEX, ["a", "b", "c"], np.zeros((2, 3)), {}, {})
    assert frame.shape == (0, 5)

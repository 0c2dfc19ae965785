"""Tables and fitted detectors that the tests of detectors share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector


def mixed_table(n_rows: int, seed: int) -> pd.DataFrame:
    """A table with one column of each kind, some of them dependent on one another."""
    random = np.random.default_rng(seed)
    size = random.normal(size=n_rows)
    table = pd.DataFrame(
        {
            "length": 10 + 2 * size + 0.1 * random.normal(size=n_rows),
            "weight": 3 * size + 0.2 * random.normal(size=n_rows),
            "count": np.exp(random.normal(4, 3, size=n_rows)).round(),
            "colour": np.where(size > 0, "red", random.choice(["green", "blue"], n_rows)),
            "valid": random.random(n_rows) < 0.9,
            "when": pd.Timestamp("2026-01-05")
            + pd.to_timedelta(random.integers(10_000, size=n_rows), unit="h"),
            "unit": 7,
        }
    )
    table["note"] = pd.Series(random.normal(size=n_rows)).where(random.random(n_rows) < 0.7)
    return table


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """Training rows of every kind of column."""
    return mixed_table(600, 0)


@pytest.fixture(scope="session")
def fitted(table: pd.DataFrame) -> TabularVAEDetector:
    """A detector of that table."""
    return TabularVAEDetector(novelty=True, max_steps=200, random_state=0).fit(table)


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """New rows from the same source."""
    return mixed_table(300, 1)

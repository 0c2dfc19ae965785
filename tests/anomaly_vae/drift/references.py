"""References and rows of tables of every kind of column, without a fitted network."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.drift.reference import Reference, Rows
from tests.anomaly_vae.conftest import mixed_table

N_ROWS = 1_000


def names() -> list[str]:
    """The columns of the table."""
    return [*mixed_table(1, 0).columns]


@cache
def encoder() -> TableEncoder:
    """The encoder of a mixed table."""
    return TableEncoder.fit(mixed_table(2_000, 0))


@cache
def reference() -> Reference:
    """Calibration rows of that table, with random nats."""
    random = np.random.default_rng(1)
    cells = encoder().transform(mixed_table(N_ROWS, 1))
    shortfalls = random.normal(size=(N_ROWS, len(names()) + 1))
    scores = np.sort(random.normal(size=N_ROWS))
    return Reference(encoder(), cells, shortfalls, scores, np.arange(N_ROWS), scores < -2.0, n_trained=2_000)


def rows(table: pd.DataFrame, seed: int = 2, *, lower: float = 0.0) -> Rows:
    """Rows with these cells and random nats; ``lower`` moves those of the first column, and the scores."""
    random = np.random.default_rng(seed)
    cells = encoder().transform(table)
    shortfalls = random.normal(size=(len(table), len(names()) + 1))
    shortfalls[:, 0] += lower
    scores = random.normal(size=len(table)) - lower
    return Rows.of(reference().coder.codes(cells, shortfalls, scores), shortfalls, scores < -2.0)

"""A row's score depends on that row alone, to the last bit, for every kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from anomaly_vae import ImageVAEDetector, TabularVAEDetector
from tests.anomaly_vae.conftest import mixed_table
from tests.processor import PROCESSOR

N_ROWS, N_ALONE = 200, 20


def numbers(width: int) -> Callable[[int], pd.DataFrame]:
    """Tables of dependent numbers, a tenth of the cells missing."""

    def table(seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        cells = random.normal(size=(N_ROWS, 3)) @ np.random.default_rng(0).normal(size=(3, width))
        cells += 0.1 * random.normal(size=cells.shape)
        cells[random.random(cells.shape) < 0.1] = np.nan
        return pd.DataFrame(cells, columns=[f"x{j}" for j in range(width)])

    return table


def mixed(seed: int) -> pd.DataFrame:
    """A table with every kind of column."""
    return mixed_table(N_ROWS, seed)


def scaled_and_encoded(**parameters: Any) -> Any:
    """A Pipeline whose steps transform each cell independently."""
    steps = make_column_transformer(
        (StandardScaler(), ["length", "weight", "count"]),
        (OneHotEncoder(sparse_output=False), ["colour", "valid"]),
    )
    return make_pipeline(steps, TabularVAEDetector(**parameters))


def grey(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).random((40, 24, 20))


def coloured(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).random((40, 18, 26, 3))


CROSS_FITTED = "cross-fitted"

TABLES = {
    **{f"{width} numbers": (TabularVAEDetector, numbers(width)) for width in (1, 2, 5, 9, 11, 17, 40)},
    "wide": (TabularVAEDetector, numbers(250)),
    "mixed": (TabularVAEDetector, mixed),
    "pipeline": (scaled_and_encoded, mixed),
    CROSS_FITTED: (TabularVAEDetector, mixed),
}
IMAGES = {"grey": (ImageVAEDetector, grey), "coloured": (ImageVAEDetector, coloured)}


def fitted(kind: str, novelty: bool) -> Any:
    """A model of that kind; only one is cross-fitted, as all small tables are by default."""
    make, rows_of = (TABLES | IMAGES)[kind]
    parameters: dict[str, Any] = {"novelty": novelty, "max_steps": 5, "random_state": 0}
    if kind in TABLES and kind != CROSS_FITTED:
        parameters["validation_fraction"] = 0.3
    return make(**parameters).fit(rows_of(0))


def taken(X: Any, rows: Any) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("kind", [*TABLES, *IMAGES])
def test_a_row_has_the_same_score_alone_shuffled_and_with_others(kind: str, novelty: bool) -> None:
    """Scores, and the contributions of columns, have the same bits."""
    model, X = fitted(kind, novelty), (TABLES | IMAGES)[kind][1](1)
    whole = model.score_samples(X)
    order = np.random.default_rng(2).permutation(len(X))
    alone = np.concatenate([model.score_samples(taken(X, [i])) for i in range(N_ALONE)])
    assert np.array_equal(alone, whole[:N_ALONE]), PROCESSOR
    assert np.array_equal(model.score_samples(taken(X, order)), whole[order]), PROCESSOR
    assert np.array_equal(model.score_samples(taken(X, np.tile(order, 5))), np.tile(whole[order], 5))


@pytest.mark.parametrize("kind", ["9 numbers", CROSS_FITTED])
def test_contributions_of_a_row_depend_on_that_row_alone(kind: str) -> None:
    """To the last bit."""
    model, rows = fitted(kind, novelty=True), TABLES[kind][1](1)
    whole = model.score_contributions(rows)
    order = np.random.default_rng(2).permutation(N_ROWS)
    pd.testing.assert_frame_equal(
        model.score_contributions(rows.iloc[order]), whole.iloc[order], check_exact=True
    )

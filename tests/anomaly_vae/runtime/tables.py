"""Tables of every kind of column, detectors fitted on them, and rows that are unlike those of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anomaly_vae import TabularVAEDetector
from tests.anomaly_vae.conftest import mixed_table

SMALL = {"max_steps": 30, "hidden_sizes": (8,), "latent_dim": 2, "random_state": 0, "device": "cpu"}

ONE_MODEL = {"validation_fraction": 0.3}
"""Otherwise a small table is cross-fitted."""


@dataclass(frozen=True)
class Case:
    """A training table, parameters of the detector, and rows to score, which hold missing cells."""

    table: pd.DataFrame
    rows: pd.DataFrame
    parameters: dict[str, Any]

    def fit(self) -> TabularVAEDetector:
        return TabularVAEDetector(**{**SMALL, **self.parameters}).fit(self.table)


def numbers(n_rows: int, n_columns: int, seed: int) -> pd.DataFrame:
    """Correlated numbers, the first with a heavy tail; a tenth of the second column is missing."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_rows, n_columns)) + random.normal(size=(n_rows, 1))
    values[:, 0] = np.exp(4 * values[:, 0])
    values[random.random(n_rows) < 0.1, 1] = np.nan
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(n_columns)])


def every_kind(n_rows: int, seed: int) -> pd.DataFrame:
    """``mixed_table`` with a constant text, an identifier, an empty column, missing cells and odd names."""
    random = np.random.default_rng(seed)
    table = mixed_table(n_rows, seed)
    table["always"] = "yes"
    table["key"] = [f"row {number}" for number in range(n_rows)]
    table["empty"] = np.nan
    table["score"] = random.normal(size=n_rows)
    table["/add_1_0"] = random.integers(3, size=n_rows).astype(str)
    table["état 🙂"] = random.choice(["ü", "日本", "a,b"], n_rows)
    table["maybe"] = pd.Series(random.choice([True, False], n_rows), dtype=object)
    table.loc[random.random(n_rows) < 0.2, ["maybe", "when", "état 🙂"]] = None
    return table


def strange(table: pd.DataFrame) -> pd.DataFrame:
    """The rows, then with every third cell missing, then with extreme numbers and unknown texts."""
    cells = table.astype(object)
    rows, columns = np.indices(cells.shape)
    extreme = cells.copy()
    for j, name in enumerate(table.columns):
        if pd.api.types.is_numeric_dtype(table[name]) and not pd.api.types.is_bool_dtype(table[name]):
            extreme[name] = np.resize(
                np.array([np.inf, -np.inf, 1e300, -1e300, 1e-300, 0], dtype=object), len(table)
            )
        elif table[name].dropna().map(type).eq(str).all():
            extreme[name] = ["unknown", "ÿ\U0001f600", " yes"][j % 3]
    mixture = cells.where((rows + columns) % 2 == 0, extreme)
    return pd.concat(
        [cells, cells.mask((rows + columns) % 3 == 0, None), extreme, mixture], ignore_index=True
    )


def case(name: str) -> Case:
    """The case of this name."""
    if name == "mixed":
        return Case(every_kind(300, 0), strange(every_kind(40, 1)), ONE_MODEL | {"novelty": True})
    n_rows, n_columns, parameters = _NUMBERS[name]
    return Case(numbers(n_rows, n_columns, 0), strange(numbers(30, n_columns, 1)), parameters)


_NUMBERS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "numbers": (200, 4, ONE_MODEL | {"novelty": True}),
    "wide": (60, 90, {"novelty": True}),
    "small": (24, 3, {"novelty": True}),
    "contaminated": (300, 5, ONE_MODEL | {"novelty": False}),
}
CASES = ["mixed", *_NUMBERS]

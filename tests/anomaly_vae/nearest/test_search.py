"""The search, with a model whose answers are known: numbers that should be zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from anomaly_vae.columns.numeric import NumericColumns
from anomaly_vae.columns.readers import IdentifierReader, NumberReader, Reader
from anomaly_vae.nearest.search import Model, nearest


def _model(readers: Sequence[Reader], is_integer: bool = False) -> Model:
    """Scores are minus the squared values, and zeros are expected; the threshold is -1."""
    n_numbers = sum(reader.n_numeric for reader in readers)
    same = np.ones(n_numbers)
    numeric = NumericColumns(
        0 * same, same, np.nan * same, -5 * same, 5 * same, np.full(n_numbers, is_integer)
    )
    return Model(
        scores=lambda rows: -np.nan_to_num(rows.to_numpy(dtype=float) ** 2).sum(axis=1),
        costs=lambda rows: -np.nan_to_num(rows.to_numpy(dtype=float) ** 2),
        expected=lambda rows: pd.DataFrame(0.0, rows.index, rows.columns),
        readers=readers,
        numeric=numeric,
        offset=-1.0,
        rounded=np.zeros(len(readers), dtype=bool),
    )


NUMBERS = [NumberReader("a"), NumberReader("b"), NumberReader("c")]


def test_the_worst_column_moves_just_as_far_as_it_has_to() -> None:
    """From 4 to 1 less than a 4096th of the way, and a normal row does not change."""
    rows = pd.DataFrame({"a": [4.0, 0.0], "b": [0.0, 0.5], "c": [0.0, 0.0]})
    found, changed, is_normal = nearest(rows, _model(NUMBERS), 3)
    assert changed.tolist() == [[True, False, False], [False, False, False]]
    assert 0.998 < found["a"][0] <= 1.0
    assert found.iloc[1].tolist() == rows.iloc[1].tolist()
    assert is_normal.all()


def test_only_as_many_columns_change_as_are_needed() -> None:
    """The third one can stay, since the threshold allows it."""
    rows = pd.DataFrame({"a": [3.0], "b": [-3.0], "c": [0.5]})
    found, changed, _ = nearest(rows, _model(NUMBERS), 3)
    assert changed.tolist() == [[True, True, False]]
    assert found["c"][0] == 0.5
    _, _, is_normal = nearest(rows, _model(NUMBERS), 1)
    assert not is_normal.any()


def test_numbers_are_whole_and_in_range_where_training_had_such() -> None:
    """A value of 90 starts from 5, the largest that was seen; -1 is the last whole one that is normal."""
    rows = pd.DataFrame({"a": [90.0], "b": [0.0], "c": [0.0]})
    found, _, is_normal = nearest(rows, _model(NUMBERS, is_integer=True), 3)
    assert is_normal.all()
    assert found["a"][0] == 1.0


def test_identifiers_never_change() -> None:
    """Whatever they cost."""
    readers = [NumberReader("a"), IdentifierReader("b")]
    rows = pd.DataFrame({"a": [0.0], "b": [9.0]})
    found, changed, is_normal = nearest(rows, _model(readers), 2)
    assert not changed[0, 1]
    assert found["b"][0] == 9.0
    assert not is_normal[0]

"""Columns of keys: which rows belong to which key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae.columns.keys import NO_MODEL, KeyColumn
from anomaly_vae.errors import CellTypeError


@pytest.mark.parametrize(
    "cells",
    [
        pd.DataFrame({"x": [0.0, 1, 2, 3], "k": ["1", "2", None, "1"]}),
        pd.DataFrame({"x": [0.0, 1, 2, 3], "k": [1, 2, None, 1]}, dtype=object),
        pd.DataFrame({"x": [0.0, 1, 2, 3], "k": [1.0, 2.0, np.nan, 1.0]}),
        pd.DataFrame({"x": [0.0, 1, 2, 3], "k": pd.array([1, 2, None, 1], dtype="Int64")}),
        pd.DataFrame({"x": [0.0, 1, 2, 3], "k": pd.Categorical(["1", "2", None, "1"])}),
        np.array([[0.0, 1.0], [1.0, 2.0], [2.0, np.nan], [3.0, 1.0]]),
        np.array([[0.0, "1"], [1.0, "2"], [2.0, None], [3.0, 1]], dtype=object),
    ],
    ids=["text", "objects", "floats", "Int64", "categories", "array", "array of objects"],
)
def test_keys_are_the_same_texts_in_every_form(cells: Any) -> None:
    """1, 1.0 and "1" are one key, and a missing one is none."""
    column = KeyColumn(1)
    codes, keys = column.factorized(cells)
    assert keys.tolist() == ["1", "2"]
    assert codes.tolist() == [0, 1, NO_MODEL, 0]
    assert column.positions(cells, np.array(["0", "1", "3"])).tolist() == [1, NO_MODEL, NO_MODEL, 1]
    assert column.positions(cells, np.zeros(0, dtype=str)).tolist() == 4 * [NO_MODEL]
    assert column.features(cells).shape == (4, 1)


def test_a_whole_number_is_found_in_both_forms() -> None:
    """Unless the text itself is a key: pandas writes 1 as 1.0 where other cells are missing."""
    rows = pd.DataFrame({"k": ["1.0", "1", "-2", "2.5", "007", "a.0", "1.00"]})
    found = KeyColumn(0).positions(rows, np.array(["-2.0", "1", "7", "a"]))
    assert found.tolist() == [1, 1, 0, NO_MODEL, NO_MODEL, NO_MODEL, NO_MODEL]
    assert KeyColumn(0).positions(rows, np.array(["1", "1.0"])).tolist()[:2] == [1, 0]


def test_keys_with_the_same_text_are_merged() -> None:
    """Also if they are different cells."""
    codes, keys = KeyColumn(0).factorized(pd.DataFrame({"k": [2, "2", 2.0, "10"]}, dtype=object))
    assert (codes.tolist(), keys.tolist()) == ([1, 1, 1, 0], ["10", "2"])


def test_a_cell_that_cannot_be_a_key_is_named() -> None:
    """A list is not text, a number, a boolean or a date."""
    with pytest.raises(CellTypeError, match="column 'k', row 1"):
        KeyColumn(0).factorized(pd.DataFrame({"k": ["a", [1]]}))

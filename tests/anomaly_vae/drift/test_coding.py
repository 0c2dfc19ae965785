"""Codes of rows: numbers between quantiles, categories, missing cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.drift.coding import MISSING, MOST_CATEGORIES, Coder, Quantiles, columns_of
from tests.anomaly_vae.drift.references import encoder, names, reference


def test_codes_ascend_with_numbers_and_tell_those_beyond_calibration():
    quantiles = Quantiles(np.random.default_rng(0).normal(size=500), 0.0)
    codes = quantiles(np.linspace(-9, 9, 1_000)).astype(int)
    assert (np.diff(codes) >= 0).all()
    assert (codes[0], codes[-1]) == (0, quantiles.last)
    assert quantiles.last < MISSING


def test_calibration_rows_divide_evenly_and_none_is_beyond_them():
    values = np.random.default_rng(1).normal(size=3_300)
    counts = np.bincount(Quantiles(values, 0.0)(values), minlength=MISSING)
    assert counts[0] == 0
    assert counts[2:-2:2].max() < 1.1 * 3_300 / 32


def test_numbers_within_the_tolerance_have_the_code_of_their_tie():
    """Nats from another runtime differ a little, which must not move all rows of a tie to one side."""
    values = np.repeat([-3.0, 1.0, 5.0], 50)
    quantiles = Quantiles(values, 1e-4)
    assert (quantiles(values + 1e-5) == quantiles(values)).all()
    assert (quantiles(values - 1e-5) == quantiles(values)).all()
    assert len({*quantiles(values)}) == 3


def test_every_kind_of_column_has_its_cells():
    kinds = dict(zip(names(), (column.kind for column in columns_of(encoder())), strict=True))
    assert kinds == {
        "length": "number", "weight": "number", "count": "number", "colour": "category",
        "valid": "category", "when": "none", "unit": "category", "note": "number",
    }  # fmt: skip
    flags = [name for name, column in zip(names(), columns_of(encoder()), strict=True) if column.flag]
    assert flags == ["note"]


@pytest.mark.parametrize("name", ["length", "colour", "valid", "when", "unit", "note"])
def test_a_missing_cell_has_a_code_of_its_own_in_every_kind_of_column(name):
    from tests.anomaly_vae.conftest import mixed_table

    table = mixed_table(20, 5)
    table[name] = table[name].astype(object)
    table.loc[3, name] = None
    cells = encoder().transform(table)
    codes = reference().coder.codes(cells, np.zeros((20, len(names()) + 1)), np.zeros(20))
    assert codes[3, names().index(name)] == MISSING
    assert (codes[:3, names().index(name)] != MISSING).any()


def test_categories_are_told_apart_and_rare_ones_share_a_code():
    """Of 40 known categories the most frequent ones have codes of their own; an unseen one has the last."""
    cells = [f"c{k:02}" for k in range(40) for _ in range(80 - k)]
    many = TableEncoder.fit(pd.DataFrame({"many": cells}))
    (column,) = columns_of(many)
    encoded = many.transform(pd.DataFrame({"many": ["c00", "c15", "c16", "c39", "new"]}))
    assert column.categories(encoded).tolist() == [0, 15, MOST_CATEGORIES, MOST_CATEGORIES, 17]
    assert column.unseen_code == 17
    assert column.n_categories == 18


def test_a_column_whose_numbers_are_all_missing_in_calibration_is_no_stream():
    table = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0]})
    sometimes = TableEncoder.fit(table)
    cells = sometimes.transform(pd.DataFrame({"a": [np.nan, np.nan]}))
    coder = Coder(sometimes, cells, np.zeros((2, 2)), np.zeros(2))
    assert coder.quantiles[0] is None
    assert coder.codes(cells, np.zeros((2, 2)), np.zeros(2))[:, 0].tolist() == [MISSING, MISSING]

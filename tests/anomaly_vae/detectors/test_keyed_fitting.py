"""Fitting of models of keys: what is learned from which rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anomaly_vae import TabularVAEDetector
from anomaly_vae.detectors._keyed_fitting import _moments, fit_keyed
from anomaly_vae.states.keyed import KeyedState

TEMPLATE = TabularVAEDetector(novelty=True, max_steps=3, hidden_sizes=(4,), random_state=0)


def models(table: pd.DataFrame, codes: list[int], min_rows: int = 4) -> KeyedState:
    found = fit_keyed(TEMPLATE, table, np.array(codes), np.array(["a", "b", "c"]), min_rows, 0)
    assert found is not None
    return found[0]


def table(n_rows: int = 120) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame({"x": random.normal(size=n_rows), "y": random.choice(["u", "v"], n_rows)})


def test_moments_are_hardly_moved_by_extreme_values() -> None:
    """Missing cells do not count; a key without any cell has those of the encoder, a constant no spread."""
    cells = np.random.default_rng(0).normal(3.0, 2.0, 200)
    odd = np.r_[cells, np.full(4, 1e6), np.full(10, np.nan)]
    part = np.stack([odd, np.full(214, np.nan), np.full(214, 0.25)], axis=1).astype(np.float32)
    center, variance = _moments(part)
    np.testing.assert_allclose(center, [3.0, 0.0, 0.25], atol=0.7)
    assert 1.5 < variance[0] ** 0.5 < 3.5
    assert variance[1:].tolist() == [1.0, 0.0]


def test_the_scale_of_a_key_shrinks_to_that_of_all() -> None:
    """The fewer rows it has, the more; a constant has a positive one."""
    rows = table()
    rows.loc[:7, "x"], rows.loc[8:59, "x"] = 5.0, 5.0
    state = models(rows, 8 * [0] + 52 * [1] + 60 * [2])
    small, large, other = state.scale[:, 0]
    assert 0.0 < large < small < other


def test_only_the_rows_of_a_key_change_its_model() -> None:
    """Its centre; the network and the cells are of all."""
    state = models(table().assign(x=np.r_[np.zeros(60), np.full(60, 9.0)]), 60 * [0] + 60 * [1])
    cells = state.table.encoder.transform(pd.DataFrame({"x": [0.0, 9.0], "y": ["u", "u"]}))[:, 0]
    np.testing.assert_allclose(state.center[:, 0], cells, atol=1e-5)


def test_a_category_is_as_frequent_as_for_the_key() -> None:
    """The log ratio is positive where it is more frequent than for all, also for one that a key never has."""
    state = models(table().assign(y=np.repeat(["u", "v"], 60)), 60 * [0] + 60 * [1])
    u, v = (state.table.encoder.transform(pd.DataFrame({"x": [0.0, 0.0], "y": ["u", "v"]})) > 0)[:, 1:]
    assert (state.ratio[0][u] > 0.3).all()
    assert (state.ratio[0][v] < -0.5).all()
    assert np.isfinite(state.ratio).all()


def test_keys_are_divided_by_the_fraction() -> None:
    """Half of each by default; rows without a key and those of rare keys have no part."""
    state = models(table(), 60 * [0] + 3 * [1] + 50 * [2] + 7 * [-1])
    assert state.keys.tolist() == ["a", "c"]
    assert state.n_rows.tolist() == [30, 25]
    assert state.n_calibration.tolist() == [30, 25]


def test_no_key_has_enough_rows() -> None:
    """Then there are no models."""
    assert fit_keyed(TEMPLATE, table(), np.full(120, -1), np.array(["a"]), 4, 0) is None
    assert fit_keyed(TEMPLATE, table(), np.zeros(120, dtype=int), np.array(["a"]), 121, 0) is None

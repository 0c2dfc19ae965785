"""Models of keys on the CPU: a normalisation with its change of variables, and one network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anomaly_vae.runtime.keyed import KeyedRuntime
from anomaly_vae.runtime.table import TableRuntime
from tests.anomaly_vae.keyed.hosts import fitted, fresh


def runtime() -> KeyedRuntime:
    found = fitted().model_.runtime
    assert found is not None
    return found


def neutral() -> KeyedRuntime:
    """Keys that change nothing."""
    state = runtime().state
    same = {"center": np.zeros_like(state.center), "scale": np.ones_like(state.scale)}
    return KeyedRuntime(replace(state, ratio=np.zeros_like(state.ratio), **same))


def test_a_key_that_changes_nothing_has_the_scores_of_the_network() -> None:
    """To the last bit: the rest is one more sum of zeros."""
    rows, model = fresh().drop(columns="host"), neutral()
    owners = np.arange(len(rows)) % len(model.state)
    plain = TableRuntime(model.state.table)
    np.testing.assert_array_equal(model.totals(rows, owners), plain.totals(rows))
    np.testing.assert_allclose(model.contributions(rows, owners), plain.contributions(rows), atol=1e-9)


def test_the_terms_of_a_key_are_its_change_of_variables() -> None:
    """The log of the slope of the normalisation, by finite differences, also where it is logarithmic."""
    model, n = runtime(), runtime().state.table.schema.n_numeric
    cells = np.linspace(-40.0, 40.0, 81)[:, None].repeat(model.state.table.schema.n_cells, axis=1)
    owners, step = np.arange(81) % len(model.state), 2e-3
    cells, above = cells.astype(np.float32), (cells + step).astype(np.float32)
    slope = (model.normalised(above, owners)[0] - model.normalised(cells, owners)[0]) / (above - cells)
    np.testing.assert_allclose(model.normalised(cells, owners)[1][:, :n], np.log(slope[:, :n]), atol=0.1)


def test_a_missing_number_has_no_change_of_variables() -> None:
    """Nor has a missing category a frequency."""
    model = runtime()
    cells = np.full((2, model.state.table.schema.n_cells), np.nan, dtype=np.float32)
    normal, terms = model.normalised(cells, np.array([0, 1]))
    assert np.isnan(normal).all()
    assert (terms == 0.0).all()


def test_frequencies_of_a_key_are_a_distribution() -> None:
    """They sum to one in each column, and the category that is frequent for this key counts more."""
    state = runtime().state
    frequencies = np.exp(state.ratio) * state.table.encoder.categories.frequencies
    spans = np.split(frequencies, np.cumsum(state.table.schema.category_widths)[:-1], axis=1)
    for span in spans:
        np.testing.assert_allclose(span.sum(axis=1), 1.0, atol=1e-5)


def test_normalised_cells_are_restored() -> None:
    """The round trip of rows in the range of the key."""
    model, rows = runtime(), fresh().drop(columns="host")
    cells = model.state.table.encoder.transform(rows)
    owners = np.zeros(len(rows), dtype=np.int64)
    normal, _ = model.normalised(cells, owners)
    near = np.abs(normal) < 9.0
    np.testing.assert_allclose(model.restored(normal, owners)[near], cells[near], atol=1e-4)

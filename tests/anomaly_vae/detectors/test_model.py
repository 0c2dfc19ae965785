"""TableModel: members and their weighted bounds."""

from __future__ import annotations

import numpy as np

from tests.anomaly_vae.detectors.test_members import fit, mixed


def test_totals_are_the_sums_of_contributions() -> None:
    """Per row, over columns and the latent term."""
    X = mixed(80)
    model = fit(X, novelty=True).model_
    np.testing.assert_allclose(model.totals(X), model.contributions(X).sum(axis=1), rtol=1e-9)


def test_the_bounds_of_a_member_are_the_sums_of_its_terms() -> None:
    """In nats per row."""
    X = mixed(80)
    model = fit(X, novelty=True).model_
    cells = model.encoder.transform(X)
    for member in model.ensembles[0]:
        np.testing.assert_allclose(member.bounds(cells), member.terms(cells).sum(axis=1), rtol=1e-9)


def test_a_model_rebuilt_from_its_state_gives_the_same_totals() -> None:
    """To the last bit."""
    X = mixed(80)
    model = fit(X, novelty=True).model_
    again = type(model).from_state(model.get_state(), model.network.device)
    np.testing.assert_array_equal(again.totals(X), model.totals(X))


def test_samples_have_the_columns_of_the_table() -> None:
    """And the requested number of rows."""
    X = mixed(80)
    sample = fit(X, novelty=True).model_.sample(7, seed=0)
    assert sample.shape == (7, X.shape[1])

"""TableModel: members and their weighted bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly_vae.detectors._model import TableModel
from anomaly_vae.nn.vae import VAE
from anomaly_vae.states.table import TableState
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
    again = type(model).from_state(model.state(), model.network.device)
    np.testing.assert_array_equal(again.totals(X), model.totals(X))


def test_samples_have_the_columns_of_the_table() -> None:
    """And the requested number of rows."""
    X = mixed(80)
    sample = fit(X, novelty=True).model_.sample(7, seed=0)
    assert sample.shape == (7, X.shape[1])


@pytest.mark.parametrize("novelty", [True, False])
def test_an_extreme_number_is_charged_and_not_the_latents(novelty: bool) -> None:
    """The distance from the centre of the latent space counts for the number that causes it."""
    X = mixed(300)
    detector = fit(X, novelty)
    wild = X.iloc[:20].assign(b=80.0)
    contributions = detector.score_contributions(wild) - detector.typical_contributions_
    assert (contributions.idxmin(axis=1) == "b").all()


def test_earlier_models_keep_their_contributions() -> None:
    """Their typical contributions were computed with the distance from the centre in the latent term."""
    X = mixed(20)
    state = fit(X, novelty=True, validation_fraction=0.2).model_.state().get_state()
    earlier = {"encoder": state["encoder"], "members": state["ensembles"][0]}
    old = TableModel.from_state(TableState.from_state(earlier), torch.device("cpu"))
    assert old.state().get_state().keys() == earlier.keys()
    np.testing.assert_allclose(old.contributions(X).sum(axis=1), old.totals(X), rtol=1e-9)
    cells = old.encoder.transform(X)
    for member in old.ensembles[0]:
        if member.module.__class__ is VAE and not member.architecture.n_exemplars:
            np.testing.assert_array_equal(member.contributions(cells, divide_all=False), member.terms(cells))

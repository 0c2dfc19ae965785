"""PatchState and LevelState: derived numbers, and states that cannot come from a fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.states.patches import LevelState, PatchState
from tests.anomaly_vae.runtime.pictures import CASES, random_model, random_patches


def test_the_model_has_the_variance_of_the_patches() -> None:
    """Squared loadings plus the noise; a direction without variance beyond the noise has no loading."""
    state = random_patches(np.random.default_rng(0), (1, 4, 4), 3)
    np.testing.assert_allclose(np.square(state.loadings) + state.noise, state.variances, rtol=1e-6)
    assert (state.posterior_variances <= 1.0).all()
    state.variances[0] = state.noise
    assert state.loadings[0] == 0.0


def test_states_are_restored() -> None:
    """A level that uses the VAE of the model only names it."""
    model = random_model(CASES["colours"])
    state = model.patches.get_state()
    again = PatchState.from_state("patches", state)
    assert all((getattr(again, name) == values).all() for name, values in state.items())
    first, second = model.levels[:2]
    assert first.get_state(model.patches)["vae"] == "patches"
    assert isinstance(second.get_state(model.patches)["vae"], dict)
    for level in model.levels:
        arguments = (model.size, model.factor, model.whole, model.patches)
        restored = LevelState.from_state(level.get_state(model.patches), *arguments)
        assert (restored.centre == level.centre).all()
        assert (restored.vae is None) == (level.vae is None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("noise", np.float32(-1.0)), ("variances", np.zeros(6)), ("directions", np.ones(3)), ("mean", [0.0])],
)
def test_a_patch_state_that_cannot_come_from_a_fit_is_rejected(name: str, value: Any) -> None:
    """In one line."""
    state = random_model(CASES["small"]).patches.get_state() | {name: value}
    with pytest.raises(ModelFileError, match=r"\A[^\n]+\Z"):
        PatchState.from_state("patches", state)

"""Architectures: the shapes of the weights are those of the modules that train."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.nn.build import build_module
from anomaly_vae.states.architecture import Architecture, MemberState, Numbers

CELLS = [Numbers(5), Numbers(0, (2, 2, 7)), Numbers(3, (2, 5))]
ARCHITECTURES = [
    Architecture(3, (), 0.1, 100),
    Architecture(3, (8,), 0.1, 100),
    Architecture(2, (8, 4, 6), 0.1, 100, degrees_of_freedom=3.0),
    Architecture(3, (), 0.1, 100, n_exemplars=7),
    Architecture(3, (8, 4), 0.1, 100, n_exemplars=7),
    Architecture(1, (), 1.0, 100, n_breaks=11),
]


@pytest.mark.parametrize("cells", CELLS, ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_weights_have_the_shapes_of_the_module(architecture: Architecture, cells: Numbers) -> None:
    """By name, and none more."""
    module = build_module(architecture, cells)
    shapes = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
    assert architecture.weight_shapes(cells) == shapes


def state_of(architecture: Architecture, cells: Numbers) -> dict[str, Any]:
    """A valid state."""
    weights = {
        name: np.ones(shape, dtype=np.float32) for name, shape in architecture.weight_shapes(cells).items()
    }
    draw = np.ones(architecture.latent_dim, dtype=np.float32)
    return copy.deepcopy(MemberState(architecture, weights, draw, 0.5).get_state())


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_a_state_is_read_as_it_was_written(architecture: Architecture) -> None:
    """Settings, weights, draw and weight."""
    state = state_of(architecture, CELLS[2])
    again = MemberState.from_state(state, CELLS[2])
    assert again.architecture == architecture
    np.testing.assert_equal(again.get_state(), state)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weight", 0.0),
        ("weight", 1.5),
        ("draw", np.full(3, 11.0, dtype=np.float32)),
        ("draw", np.ones(2, dtype=np.float32)),
        ("weights", {}),
        ("architecture", {}),
        ("more", 1),
    ],
)
def test_a_wrong_state_is_an_error(key: str, value: Any) -> None:
    """The rest of it is right."""
    state = state_of(ARCHITECTURES[3], CELLS[0])
    MemberState.from_state(state, CELLS[0])
    with pytest.raises(ModelFileError):
        MemberState.from_state(state | {key: value}, CELLS[0])


def test_a_wrong_weight_is_an_error() -> None:
    """One of another shape, one that is too large, and a variance that is not positive."""
    for name, values in (
        ("decoder.weight", np.ones((5, 3))),
        ("decoder.bias", np.full(5, 1e20)),
        ("prior.variance", np.zeros(3)),
    ):
        state = state_of(ARCHITECTURES[3], CELLS[0])
        state["weights"][name] = values.astype(np.float32)
        with pytest.raises(ModelFileError, match=name):
            MemberState.from_state(state, CELLS[0])

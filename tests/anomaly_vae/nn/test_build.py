"""Modules from architectures, and their weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly_vae.nn.build import build_module, weights_of, with_weights
from tests.anomaly_vae.states.test_architecture import ARCHITECTURES, CELLS


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=str)
def test_a_module_keeps_its_weights(architecture) -> None:
    """A module built from the weights of another has the same ones, and no gradients."""
    module = build_module(architecture, CELLS[2])
    for k, weight in enumerate(module.state_dict().values()):
        weight += 0.1 * k
    weights = weights_of(module)
    again = with_weights(architecture, CELLS[2], weights)
    np.testing.assert_equal(weights_of(again), weights)
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_weights_are_copies() -> None:
    """A change of the module does not reach them."""
    module = build_module(ARCHITECTURES[0], CELLS[0])
    weights = weights_of(module)
    with torch.no_grad():
        module.likelihood.log_noise += 1.0
    assert (weights["likelihood.log_noise"] == 0).all()

"""Networks: a variance that is the same for all rows is a constant, with the same results."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.runtime.bounds import bounds_model
from anomaly_vae.runtime.session import Session
from anomaly_vae.states.architecture import MemberState
from tests.anomaly_vae.runtime.test_members import ARCHITECTURES, WIDTHS, member_of, rows_of, schema_of


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("name", ["linear", "exemplars", "linear, Student-t"])
def test_a_constant_variance_needs_fewer_operators(name: str, widths: tuple[int, tuple[int, ...]]) -> None:
    """A weight of 1e-30 makes the variance one of each row, and changes no bound."""
    schema = schema_of(*widths)
    _, state = member_of(ARCHITECTURES[name], schema, 1)
    weights = {key: values.copy() for key, values in state.weights.items()}
    weights["encoder.weight"][0, -1] = 1e-30
    other = MemberState(state.architecture, weights, state.draw, state.weight)
    models = [bounds_model(schema, [[one]]) for one in (state, other)]
    assert len(models[0].graph.node) < len(models[1].graph.node)
    cells = rows_of(schema, 100, 1)
    constant, own = (Session(model)(cells) for model in models)
    np.testing.assert_allclose(constant, own, rtol=1e-6, atol=1e-4)

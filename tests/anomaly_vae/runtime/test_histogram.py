"""Histograms: steps of equal width are found by division, others by a search."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly_vae.nn.build import with_weights
from anomaly_vae.nn.histogram import FAR_BREAK, ColumnHistogram
from anomaly_vae.runtime.bounds import bounds_model
from anomaly_vae.runtime.histogram import equal_steps
from anomaly_vae.runtime.session import Session
from anomaly_vae.states.architecture import Architecture, MemberState
from tests.anomaly_vae.runtime.test_members import schema_of


def test_steps_of_equal_width_are_found() -> None:
    """Unused breaks do not count; a column with two breaks has equal steps."""
    breaks = np.full((3, 6), FAR_BREAK, dtype=np.float32)
    breaks[0] = np.linspace(-1, 1, 6)
    breaks[1, :2] = [0.0, 0.5]
    breaks[2, :4] = [0.0, 0.1, 2.0, 2.1]
    low, width, is_equal = equal_steps(breaks)
    assert is_equal.tolist() == [True, True, False]
    np.testing.assert_allclose(low, [-1, 0, 0])
    np.testing.assert_allclose(width[:2], [0.4, 0.5], rtol=1e-6)


@pytest.mark.parametrize("n_breaks", [1, 2, 7, 8, 200])
@pytest.mark.parametrize("n_columns", [1, 3, 16])
def test_values_at_the_breaks_are_in_the_step_above(n_breaks: int, n_columns: int) -> None:
    """As torch has it, for values at, just below and between breaks, and for used and unused breaks."""
    random = np.random.default_rng(n_breaks)
    schema, architecture = schema_of(n_columns, ()), Architecture(1, (), 1.0, 50, n_breaks=n_breaks)
    weights = {
        name: np.zeros(shape, dtype=np.float32) for name, shape in architecture.weight_shapes(schema).items()
    }
    breaks = np.sort(random.normal(size=(n_columns, n_breaks)), axis=1).astype(np.float32)
    breaks[0] = np.linspace(-1, 1, n_breaks)
    breaks[:, n_breaks - n_breaks // 3 :] = FAR_BREAK
    weights |= {"breaks": breaks, "scale": np.ones(n_columns, dtype=np.float32)}
    weights["log_density"] = random.normal(size=weights["log_density"].shape).astype(np.float32)
    cells = np.concatenate([breaks.T, np.nextafter(breaks, -np.inf).T, breaks.T + np.float32(0.01)])
    cells = np.where(cells < 1e5, cells, np.float32(300.0)).astype(np.float32)
    module = with_weights(architecture, schema, weights)
    assert isinstance(module, ColumnHistogram)
    wanted = module.antithetic_elbo(torch.from_numpy(cells), torch.ones(1)).total()
    state = MemberState(architecture, weights, np.ones(1, dtype=np.float32))
    found = Session(bounds_model(schema, [[state]]))(cells)[:, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)

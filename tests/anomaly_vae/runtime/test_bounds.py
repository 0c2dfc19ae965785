"""Bounds and contributions of ensembles as one graph."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from anomaly_vae.runtime.bounds import bounds_model, contributions_model
from anomaly_vae.runtime.session import Session
from tests.anomaly_vae.runtime.test_members import ARCHITECTURES, WIDTHS, member_of, rows_of, schema_of

NAMES = ["exemplars", "histogram", "hidden"]


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_a_bound_is_the_sum_of_its_members(widths: tuple[int, tuple[int, ...]]) -> None:
    """One column for each ensemble."""
    schema = schema_of(*widths)
    cells = rows_of(schema, 100, 0)
    pairs = [[member_of(ARCHITECTURES[name], schema, seed) for name in NAMES] for seed in (1, 2)]
    found = Session(bounds_model(schema, [[state for _, state in pair] for pair in pairs]))(cells)
    wanted = np.array([sum(0.7 * member.bounds(cells) for member, _ in pair) for pair in pairs]).T
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=2e-4)


@pytest.mark.parametrize("divide_all", [True, False])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_contributions_are_those_of_the_best_ensemble(
    widths: tuple[int, tuple[int, ...]], divide_all: bool
) -> None:
    """They sum to its bound, and agree with those of torch."""
    schema = schema_of(*widths)
    cells = rows_of(schema, 100, 0)
    pairs = [[member_of(ARCHITECTURES[name], schema, seed) for name in NAMES] for seed in (1, 2)]
    ensembles = [[state for _, state in pair] for pair in pairs]
    bounds = Session(bounds_model(schema, ensembles))(cells)
    assert np.isfinite(bounds).all()
    found = Session(contributions_model(schema, ensembles, divide_all=divide_all))(cells)
    np.testing.assert_allclose(found.sum(axis=1), bounds.max(axis=1), rtol=1e-9, atol=1e-9)
    each = [sum(0.7 * m.contributions(cells, divide_all) for m, _ in pair) for pair in pairs]
    wanted = np.where(bounds.argmax(axis=1)[:, None] == 0, each[0], each[1])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-3)


def test_a_model_is_valid_onnx() -> None:
    """The checker of onnx accepts it, with inferred shapes."""
    schema = schema_of(3, (2, 5))
    ensembles = [[member_of(ARCHITECTURES[name], schema, 1)[1] for name in NAMES]]
    for model in (bounds_model(schema, ensembles), contributions_model(schema, ensembles, divide_all=True)):
        onnx.checker.check_model(model, full_check=True)

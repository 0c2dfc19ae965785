"""States of models; those that cannot come from a fit are rejected."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError, TabularVAEDetector
from tests.anomaly_vae.detectors.test_members import fit, numbers


def _edit(state: dict[str, Any], *path: Any, value: Any) -> None:
    for step in path[:-1]:
        state = state[step]
    state[path[-1]] = value


@pytest.fixture(scope="module")
def fitted() -> TabularVAEDetector:
    """A detector whose states are changed."""
    return fit(numbers(80), novelty=True, validation_fraction=0.5)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("ensembles", 0, 0, "weight"), -0.5),
        (("ensembles", 0, 0, "weight"), 0.99),
        (("ensembles", 0, 0, "weight"), float("nan")),
        (("ensembles", 0, 2, "draw"), np.full(3, 50.0, dtype=np.float32)),
        (("ensembles", 0, 2, "architecture", "hidden_sizes"), np.ones(1_000_000, dtype=np.int8)),
        (("ensembles", 0, 2, "architecture", "hidden_sizes"), "1" * 1_000_000),
        (("ensembles", 0, 2, "architecture", "hidden_sizes"), (1,) * 65),
        (("ensembles", 0, 2, "architecture", "hidden_sizes"), (2**40,)),
        (("ensembles", 0, 2, "architecture", "noise_floor"), float("nan")),
        (("ensembles", 0, 2, "architecture", "noise_floor"), 0.0),
        (("ensembles", 0, 2, "architecture", "n_rows"), 0),
        (("ensembles", 0, 2, "architecture", "latent_dim"), True),
        (("ensembles",), {}),
        (("ensembles",), []),
        (("ensembles",), [[]]),
        (("ensembles", 0), {}),
        (("ensembles", 0), [3]),
        (("ensembles", 0, 1, "weights", "breaks"), np.ones((3, 30), dtype=np.float32)),
        (("ensembles", 0, 1, "weights", "scale"), np.array([1.0, 0.0, 1.0], dtype=np.float32)),
        (("ensembles", 0, 1, "architecture", "n_breaks"), 10**6),
        (("ensembles", 0, 2, "architecture", "n_breaks"), 4),
        (("encoder", "flagged"), np.zeros(1, dtype=bool)),
        (("encoder", "numeric", "scale"), np.array([1.0, 0.0, 1.0])),
        (("encoder", "numeric", "unit"), np.array([1.0, -1.0, 1.0])),
        (("encoder", "readers"), '[{"reader": "NumberReader", "name": "\\ud800"}]'),
        (("encoder", "categories", "frequencies"), np.zeros(0, dtype=bool)),
        (("ensembles", 0, 2, "weights", "decoder.bias"), np.full(3, 3e38, dtype=np.float32)),
        (("encoder", "readers"), "[" * 100_000),
        (("encoder", "readers"), '[{"reader": "NumberReader", "name": 5}]'),
        (("encoder", "readers"), '[{"reader": "ConstantReader", "name": "a", "value": true}]'),
        (("encoder", "readers"), '[{"reader": "DatetimeReader", "name": "a", "week": 1e300}]'),
        (("encoder", "readers"), '[{"reader": "CategoryReader", "name": "a", "categories": ["b", "b"]}]'),
        (("ensembles", 0, 0, "weights", "prior.variance"), np.array([1.0, -1.0, 1.0], dtype=np.float32)),
        (("ensembles", 0, 0, "architecture", "degrees_of_freedom"), 0.0),
        (("ensembles", 0, 0, "architecture", "degrees_of_freedom"), float("nan")),
        (("ensembles", 0, 0, "architecture", "n_exemplars"), -1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_model_state_that_cannot_come_from_a_fit_is_rejected(
    fitted: TabularVAEDetector, path: tuple[Any, ...], value: Any
) -> None:
    """Weights outside (0, 1], draws that are not signs, and scales out of range are damage."""
    state = copy.deepcopy(fitted.__getstate__())
    TabularVAEDetector().__setstate__(copy.deepcopy(state))
    _edit(state["model_"], *path, value=value)
    with pytest.raises(ModelFileError):
        TabularVAEDetector().__setstate__(state)


def test_the_first_files_have_equal_weights() -> None:
    """A state without weights, noise or exemplars, as 0.1.0 wrote it, gives the plain mean of its bounds."""
    X = numbers(20, 40)
    detector = fit(X, novelty=True)
    state = detector.__getstate__()
    [*_, members] = state["model_"].pop("ensembles")
    state["model_"]["members"] = members
    for member in members:
        del (
            member["weight"],
            member["architecture"]["degrees_of_freedom"],
            member["architecture"]["n_exemplars"],
            member["architecture"]["n_breaks"],
        )
    old = TabularVAEDetector()
    old.__setstate__(state)
    cells = detector.model_.encoder.transform(X)
    each = [member.terms(cells).sum(axis=1) for member in detector.model_.ensembles[-1]]
    expected = np.mean(each, axis=0)
    np.testing.assert_allclose(old.score_samples(X), expected, rtol=1e-6)

"""The correction that was learned from verdicts, as operators: the formulas of anomaly_vae.verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.runtime.correction import add_correction
from anomaly_vae.runtime.graph import Graph
from anomaly_vae.runtime.messages import tensor
from anomaly_vae.runtime.session import cpu_session
from anomaly_vae.verdicts.correction import Correction
from anomaly_vae.verdicts.features import features_of
from tests.anomaly_vae.verdicts.judged import N_COLUMNS, log, taught

TYPICAL = np.array([-1.0, -2.0, 0.5, -3.0])


def rows(n_rows: int, seed: int):
    """Contributions and encoded cells, of which a tenth is missing."""
    random = np.random.default_rng(seed)
    contributions = TYPICAL - np.exp(3.0 * random.normal(size=(n_rows, N_COLUMNS + 1)))
    cells = random.normal(scale=2.0, size=(n_rows, N_COLUMNS)).astype(np.float32)
    cells[random.random(cells.shape) < 0.1] = np.nan
    return contributions, cells


def run(correction: Correction, scores, contributions, cells):
    """The results of the graph."""
    graph = Graph("/", is_portable=True)
    results = add_correction(graph, "score", "contributions", "cells", correction.plain(TYPICAL))
    model = graph.model(
        [
            tensor("score", np.float64, "n_rows"),
            tensor("contributions", np.float64, "n_rows", N_COLUMNS + 1),
            tensor("cells", np.float32, "n_rows", N_COLUMNS),
        ],
        list(
            zip(
                results,
                [
                    tensor("corrected", np.float64, "n_rows"),
                    tensor("parts", np.float64, "n_rows", N_COLUMNS + 2),
                ],
                strict=True,
            )
        ),
        producer_version="0",
    )
    inputs = {"score": scores, "contributions": contributions, "cells": cells}
    return cpu_session(model).run(["corrected", "parts"], inputs)


@pytest.mark.parametrize("n_verdicts", [1, 40])
def test_scores_and_contributions_are_those_of_the_correction(n_verdicts: int) -> None:
    """Of rows with missing cells; one verdict has no linear part."""
    correction = taught(log(n_verdicts))
    contributions, cells = rows(200, 3)
    scores = contributions.sum(axis=1)
    corrected, parts = run(correction, scores, contributions, cells)
    features = features_of(contributions, TYPICAL, cells)
    changes = correction.changes(scores, features)
    assert np.abs(changes).max() > 1.0
    np.testing.assert_allclose(corrected, correction.corrected(scores, features), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(parts[:, :-1] - contributions, changes[:, :-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(parts[:, -1], changes[:, -1], rtol=1e-4, atol=1e-5)


def test_changes_have_the_bounds_of_the_correction() -> None:
    """Of scores that are far away, and of verdicts that count a lot; none is infinite."""
    verdicts = log(40)
    heavy = taught(type(verdicts)(verdicts.verdicts, 1_000.0 * verdicts.weights, *_rest(verdicts)))
    contributions, cells = rows(8, 1)
    cells[:4] = verdicts.features[:4, -N_COLUMNS:]
    scores = np.array([-1e100, 1e100, -1e15, 1e13, -10.0, 1e-300, 0.0, heavy.scale.middle])
    corrected, _ = run(heavy, scores, contributions, cells)
    wanted = heavy.corrected(scores, features_of(contributions, TYPICAL, cells))
    assert np.isfinite(corrected).all()
    np.testing.assert_allclose(corrected, wanted, rtol=1e-3, atol=1e-5)


def test_a_row_unlike_any_other_keeps_its_score() -> None:
    """If all verdicts agree, there is no linear part, and the change of such a row is zero, not NaN."""
    verdicts = log(6)
    agreed = taught(type(verdicts)(np.ones(6, dtype=np.int8), verdicts.weights, *_rest(verdicts)))
    contributions = np.full((1, N_COLUMNS + 1), -1e12)
    cells = np.full((1, N_COLUMNS), 1e12, dtype=np.float32)
    corrected, parts = run(agreed, np.array([-50.0]), contributions, cells)
    assert corrected.tolist() == pytest.approx([-50.0], abs=1e-9)
    assert np.isfinite(parts).all()


def _rest(verdicts):
    return verdicts.times, verdicts.scores, verdicts.features

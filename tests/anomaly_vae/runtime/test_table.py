"""TableRuntime: tables to scores, as the detectors have it, and as torch computes it."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.columns.table import Table
from anomaly_vae.runtime.table import BLOCK, TableRuntime
from tests.anomaly_vae.detectors.test_members import fit, mixed, numbers


@pytest.mark.parametrize(
    ("X", "novelty"),
    [
        (numbers(2100), True),
        (numbers(300), True),
        (numbers(300, 10), False),
        (mixed(300), True),
        (mixed(300), False),
        (numbers(20, 40), True),
    ],
    ids=["large", "folds", "contaminated", "mixed", "mixed and contaminated", "wide"],
)
def test_scores_are_those_of_torch(X: Table, novelty: bool) -> None:
    """Within 1e-4 nats, or a millionth of the score, for the models that a fit makes."""
    model = fit(X, novelty).model_
    cells = model.encoder.transform(X)
    each = [sum(member.weight * member.bounds(cells) for member in one) for one in model.ensembles]
    runtime = TableRuntime(model.state())
    np.testing.assert_allclose(runtime.bounds(X), np.array(each).T, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(runtime.totals(X), np.max(each, axis=0), rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(runtime.contributions(X).sum(axis=1), runtime.totals(X), rtol=1e-9, atol=1e-9)

    position = len(model.ensembles) - 1
    one = runtime.contributions_of(X, position)
    np.testing.assert_allclose(one.sum(axis=1), each[position], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(one, model.contributions_of(X, position), rtol=1e-4, atol=1e-3)


def test_the_number_of_rows_and_threads_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of several blocks have the bits that they have in one call of their own."""
    X = numbers(2 * BLOCK + 77)
    runtime = TableRuntime(fit(X, novelty=True).model_.state())
    whole = runtime.totals(X)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    np.testing.assert_array_equal(runtime.totals(X), whole)
    part = np.r_[0, 5, BLOCK - 1, BLOCK, 2 * BLOCK + 76]
    np.testing.assert_array_equal(runtime.totals(X[part]), whole[part])

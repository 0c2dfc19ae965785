"""Explanations: contributions of columns to a score, whatever computes them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from anomaly_vae import TabularVAEDetector


def test_contributions_sum_to_the_score(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """One contribution per column and one of the latent space; the index is that of the table."""
    shifted = fresh.set_axis(fresh.index + 7)
    contributions = fitted.score_contributions(shifted)
    assert list(contributions.columns) == [*fresh.columns, "latent"]
    assert contributions.index.equals(shifted.index)
    np.testing.assert_allclose(contributions.sum(axis=1), fitted.score_samples(fresh), rtol=1e-6)


def test_reasons_are_shares_of_the_shortfall(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Worst first; of all columns together they are the whole."""
    for reasons in fitted.explain_shares(fresh[:20], n_columns=99):
        costs = [nats for _, nats, _ in reasons]
        assert costs == sorted(costs)
        assert all(cost < 0 for cost in costs)
        assert not reasons or np.isclose(sum(share for *_, share in reasons), 1.0)


def test_explain_leaves_the_shares_out(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """The same columns and nats."""
    shares = fitted.explain_shares(fresh[:5], 2)
    assert fitted.explain(fresh[:5], 2) == [[(name, nats) for name, nats, _ in one] for one in shares]

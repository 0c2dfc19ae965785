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


def test_a_frame_of_reasons_is_that_of_explain(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """The same rows, columns and nats, by the names of the rows, with the cells of the table."""
    rows = fresh[:20].set_axis([f"row {k}" for k in range(20)])
    frame = fitted.explain_frame(rows, n_columns=2)
    wanted = [
        (name, column, nats)
        for name, reasons in zip(rows.index, fitted.explain(rows, 2), strict=True)
        for column, nats in reasons
    ]
    assert list(zip(frame["row"], frame["column"], frame["nats"], strict=True)) == wanted
    expected = fitted.reconstruct(rows)
    for line in frame[frame["column"] != "latent"].itertuples():
        for cell, source in ((line.observed, rows), (line.expected, expected)):
            assert cell == source.loc[line.row, line.column] or pd.isna(cell)


def test_an_array_has_positions(fresh: pd.DataFrame) -> None:
    X = fresh[["length", "weight"]].to_numpy()
    frame = (
        TabularVAEDetector(max_steps=5, validation_fraction=0.5, random_state=0).fit(X).explain_frame(X[:5])
    )
    assert set(frame["row"]) <= set(range(5))
    assert set(frame["column"]) <= {"x0", "x1", "latent"}


def test_a_reconstruction_has_the_index_and_the_dtypes(table: pd.DataFrame, fresh: pd.DataFrame) -> None:
    """Expected integers are floats; all other dtypes can hold what is expected."""

    def typed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(
            colour=rows["colour"].astype("category"),
            weight=rows["weight"].astype("float32"),
            when=rows["when"].dt.tz_localize("UTC"),
            valid=rows["valid"].astype("boolean"),
            wait=pd.to_timedelta(rows["length"], unit="h"),
        ).set_axis(rows.index + 7)

    rows = typed(fresh[:9])
    expected = (
        TabularVAEDetector(max_steps=5, validation_fraction=0.5, random_state=0)
        .fit(typed(table))
        .reconstruct(rows)
    )
    assert expected.index.equals(rows.index)
    pd.testing.assert_series_equal(expected.dtypes.drop("unit"), rows.dtypes.drop("unit"))
    assert expected["unit"].dtype == np.float64
    assert expected["wait"].dt.total_seconds().between(0, 20 * 3600).all()

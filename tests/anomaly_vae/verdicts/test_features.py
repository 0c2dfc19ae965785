"""Features: shortfalls and cells as signed logarithms."""

from __future__ import annotations

import numpy as np

from anomaly_vae.columns.table import TableEncoder
from anomaly_vae.verdicts.features import (
    MAX_BYTES,
    features_of,
    n_features,
    n_kept,
    owners_of,
    shortfalls_of,
    signed_log,
)
from tests.anomaly_vae.conftest import mixed_table


def test_features_are_the_logs_of_shortfalls_and_cells() -> None:
    """A contribution below the typical one is positive; a missing cell counts as zero."""
    contributions, typical = np.array([[-3.0, 1.0]]), np.array([-1.0, 2.0])
    made = features_of(contributions, typical, np.array([[np.nan, -4.0]], dtype=np.float32))
    np.testing.assert_allclose(made, [[np.log(3), np.log(2), 0.0, -np.log(5)]], rtol=1e-6)
    assert made.dtype == np.float32


def test_equal_rows_have_equal_bytes() -> None:
    """Minus zero is zero."""
    first, second = (
        features_of(np.zeros((1, 1)), np.zeros(1), np.array([[zero]], dtype=np.float32))
        for zero in (0.0, -0.0)
    )
    assert first.tobytes() == second.tobytes()


def test_shortfalls_are_restored() -> None:
    """Within single precision."""
    contributions = np.random.default_rng(0).normal(size=(9, 4)) * 50
    made = features_of(contributions, np.ones(4), np.zeros((9, 2), dtype=np.float32))
    np.testing.assert_allclose(shortfalls_of(made, 3), 1.0 - contributions, rtol=1e-4, atol=1e-5)


def test_signed_logs_are_odd_and_increasing() -> None:
    """And near zero the identity."""
    x = np.linspace(-50, 50, 101)
    np.testing.assert_array_equal(signed_log(-x), -signed_log(x))
    assert (np.diff(signed_log(x)) > 0).all()
    np.testing.assert_allclose(signed_log(np.array([1e-9])), 1e-9)


def test_every_feature_has_the_column_of_its_cell() -> None:
    """Of each column one shortfall, of the latent term one, and one feature per cell."""
    encoder = TableEncoder.fit(mixed_table(60, 0))
    owners, n_columns = owners_of(encoder.schema), len(encoder.schema.columns)
    assert len(owners) == n_features(encoder.schema)
    np.testing.assert_array_equal(owners[: n_columns + 1], np.arange(n_columns + 1))
    for feature in encoder.schema.features:
        cells = owners[n_columns + 1 :][feature.span.start : feature.span.stop]
        assert (cells == feature.owner).all()


def test_calibration_rows_are_bounded_in_bytes() -> None:
    """As many as fit, at least one."""
    schema = TableEncoder.fit(np.random.default_rng(0).normal(size=(20, 20))).schema
    assert n_kept(100, schema) == 100
    assert n_kept(10**9, schema) * 4 * n_features(schema) <= MAX_BYTES
    assert n_kept(100_000, schema) == 100_000

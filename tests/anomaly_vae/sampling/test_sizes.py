"""Numbers of rows that a fit reads, trains on and holds out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.detectors._splits import n_calibration_rows
from anomaly_vae.sampling.sizes import MAX_TRAIN_ROWS, MAX_WATCHED_ROWS, n_drawn, n_watched_of


@given(st.integers(20, 3_000_000), st.one_of(st.just("auto"), st.floats(0.05, 0.5)))
def test_a_fit_uses_all_rows_that_are_drawn(n_rows, fraction):
    """They are no more than asked for, and at least one is trained on and one calibrates."""
    n_out, n_train = n_drawn(n_rows, fraction)
    assert n_out + n_train <= n_rows
    assert 1 <= n_train < MAX_TRAIN_ROWS
    n_watched = n_watched_of(n_out, n_train, early_stopping=False)
    assert 0 <= n_watched <= MAX_WATCHED_ROWS
    assert n_out - n_watched >= 1


@pytest.mark.parametrize("n_rows", [3_000, 10_000, 200_000])
def test_as_many_rows_calibrate_as_in_a_fit_of_that_many_rows(n_rows):
    n_out, n_train = n_drawn(n_rows, "auto")
    n_calibration = n_out - n_watched_of(n_out, n_train, early_stopping=False)
    assert n_calibration == pytest.approx(n_calibration_rows(n_rows, "auto", False), abs=1)

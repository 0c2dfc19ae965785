"""The calibration rows, and the streams in which others are compared with them."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.drift.bets import N_BETS
from anomaly_vae.drift.coding import N_CODES
from anomaly_vae.drift.reference import Rows
from tests.anomaly_vae.drift.references import N_ROWS, names, reference


def test_each_column_has_streams_of_what_can_be_compared():
    found: dict[str, set[str]] = {}
    for stream in reference().streams():
        found.setdefault(reference().names[stream.column], set()).add(stream.aspect)
    assert found.pop("when") == {"missing"}  # rows come in order of time
    assert found.pop("latent") == found.pop("score") == {"nats"}
    assert found == {name: {"values", "missing", "nats"} for name in names() if name != "when"}


def test_every_stream_has_bets_and_missing_cells_count_in_their_own_stream_only():
    factors = reference().factors(0.01)
    streams = reference().streams()
    assert factors.shape == (len(streams), N_CODES, N_BETS)
    for stream, each in zip(streams, factors, strict=True):
        assert (each[-1] == 1.0).all() == (stream.aspect != "missing")
        assert (each[:-1] != 1.0).any()


def test_bets_on_calibration_rows_themselves_lose():
    """The bounds are above the means over the calibration rows."""
    rows = reference().rows.codes
    for stream, each in zip(reference().streams(), reference().factors(0.01), strict=True):
        assert (each[rows[:, stream.place]].mean(axis=0) < 1.0 + 1e-9).all()


def test_alerts_are_divided_among_the_contributions_by_their_shares():
    shortfalls = np.array([[3.0, -1.0, 1.0], [1.0, 1.0, 2.0], [9.0, 9.0, 9.0], [-1.0, 0.0, -1.0]])
    rows = Rows.of(np.zeros((4, 6), np.uint8), shortfalls, np.array([True, True, False, True]))
    assert rows.alerts == pytest.approx([1.0, 0.25, 0.75])
    assert rows.n_alerts == 3
    assert rows.shortfalls == pytest.approx([3.0, 2.25, 2.75])
    assert reference().n_rows == N_ROWS

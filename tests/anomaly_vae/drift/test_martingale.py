"""The martingale: its rate, its delay, and that it depends on rows alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anomaly_vae.drift.bets import N_BETS, bets_on_ranks, ranks_of
from anomaly_vae.drift.martingale import Martingale

N_CODES = 20


def factors(n_calibration: int, seed: int, miss: float = 0.05) -> np.ndarray:
    """Bets against a calibration sample of uniform codes."""
    codes = np.random.default_rng(seed).integers(N_CODES, size=n_calibration).astype(np.uint8)
    return bets_on_ranks(ranks_of(codes, N_CODES), miss)


def still(n_rows: int, n_streams: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(N_CODES, size=(n_rows, n_streams))


@pytest.mark.parametrize("n_calibration", [50, 1_000])
def test_still_streams_seldom_raise_an_alarm_however_long_they_are(n_calibration):
    """At a rate of .1, half for calibration; looked at after each of 3,000 rows."""
    martingale = Martingale(np.array([factors(n_calibration, seed) for seed in range(200)]), 1 / 0.05)
    martingale.update(still(3_000, 200, 1_000))
    assert (martingale.alarms > 0).sum() <= 20


def test_the_mean_evidence_of_fair_bets_stays_1():
    """Factors with a mean of exactly 1, over a row and over bets."""
    fair = np.array([[[1.5], [0.5]]]).repeat(4_000, axis=0)
    martingale = Martingale(fair, np.inf)
    martingale.update(np.random.default_rng(0).integers(2, size=(8, 4_000)))
    sums = np.array(martingale.get_state()["sums"])
    assert sums.mean() + np.log(2) / np.log(10) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("code", [0, N_CODES - 1])
def test_a_change_is_found_soon_also_after_many_still_rows(code):
    martingale = Martingale(factors(1_000, 0)[None], 1e4)
    martingale.update(still(5_000, 1, 1))
    assert not martingale.alarms[0]
    martingale.update(np.full((50, 1), code))
    assert 5_000 < martingale.alarms[0] <= 5_040


def test_evidence_does_not_depend_on_how_rows_are_divided():
    rows = np.random.default_rng(2).integers(N_CODES // 2, size=(700, 3))
    each = np.array([factors(200, seed) for seed in range(3)])
    whole, parts = Martingale(each, 1e3), Martingale(each, 1e3)
    whole.update(rows)
    for part in np.split(rows, [1, 2, 255, 256, 300, 640]):
        parts.update(part)
    assert whole.alarms.tolist() == parts.alarms.tolist()
    assert whole.alarms.all()


def test_with_stop_it_counts_no_row_after_the_first_alarm():
    rows = np.zeros((500, 2), dtype=int)
    each = np.array([factors(200, seed) for seed in range(2)])
    stopped, goes_on = Martingale(each, 1e3), Martingale(each, 1e3)
    goes_on.update(rows)
    first = goes_on.alarms[goes_on.alarms > 0].min()
    assert stopped.update(rows, stop=True) == stopped.n_rows == first < 500
    assert stopped.update(rows, stop=True) == 0
    stopped.restart()
    assert not stopped.alarms.any()
    assert stopped.n_rows == 0


def test_the_state_is_json_and_restores_the_evidence_to_the_bit():
    rows, each = still(300, 1, 4), factors(200, 0)[None]
    first, second = Martingale(each, 1e9), Martingale(each, 1e9)
    first.update(rows)
    second.set_state(json.loads(json.dumps(first.get_state())))
    first.update(rows)
    second.update(rows)
    assert first.get_state() == second.get_state()


@pytest.mark.parametrize("sums", [[[1.0]], [[-1.0] * N_BETS], [[float("nan")] * N_BETS]])
def test_a_state_of_other_streams_is_refused(sums):
    with pytest.raises(ValueError, match="is not that of these streams"):
        Martingale(factors(50, 0)[None], 10.0).set_state({"n_rows": 1, "sums": sums})


def test_evidence_without_an_end_stays_a_number():
    martingale = Martingale(np.full((1, 1, 1), 1e80), 10.0)
    martingale.update(np.zeros((600, 1), dtype=int))
    assert np.isfinite(martingale.get_state()["sums"]).all()

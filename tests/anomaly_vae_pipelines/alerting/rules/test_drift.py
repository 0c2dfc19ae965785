"""How far scores lie from those of calibration, and that many rows are no reason for an alarm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import comb
from scipy.stats import ks_2samp

from anomaly_vae_pipelines.alerting.rules.drift import MAX_WINDOW, Reference
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

RULE = '[[rule]]\nname = "drift"\nkind = "drift"\ncooldown = "0s"\n'

SCORES = st.lists(st.integers(-8, 8).map(float), min_size=3, max_size=40)


@settings(max_examples=60, deadline=None)
@given(calibration=SCORES, rows=SCORES, cut=st.integers(0, 40))
@example(calibration=[1.0] * 5, rows=[-1.0] * 5, cut=0)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(calibration, rows, cut):
    """Counts of two parts of a window add up to the exact distance of two samples, ties and all.

    The p-value is that of the law of the distance, and never less than that of samples which lie apart.
    """
    reference = Reference(np.array(calibration))
    counts = reference.count(np.array(rows[:cut])) + reference.count(np.array(rows[cut:]))
    peer = ks_2samp(rows, calibration, method="asymp")
    least = min(2 / comb(len(rows) + len(calibration), len(rows)), 1.0)
    drift = reference.compare(counts)
    assert drift.effect == pytest.approx(peer.statistic)
    assert drift.p_value == pytest.approx(max(peer.pvalue, least))


def test_many_scores_of_calibration_are_looked_at_in_steps():
    """A window costs a few thousand counts, and the distance is right to one step."""
    draw = np.random.default_rng(0)
    calibration, rows = draw.normal(size=50_000), draw.normal(-0.3, size=3000)
    reference = Reference(calibration)
    counts = reference.count(rows)
    assert len(counts) == 2001
    assert reference.compare(counts).effect == pytest.approx(ks_2samp(rows, calibration).statistic, abs=1e-3)
    assert reference.compare(counts).lower


def shifted(share: float) -> int:
    """Alerts for a million rows, of which a share scores lower."""
    draw = np.random.default_rng(1)
    reference = Reference(draw.normal(size=10_000))
    scores = draw.normal(size=1_000_000)
    scores[: int(share * len(scores))] -= 20
    drift = reference.compare(reference.count(scores))
    return int(drift.effect >= 0.1 and drift.p_value <= 1e-3)


def test_a_million_rows_do_not_make_an_alarm_of_one_percent():
    """The effect is small, however sure the test; a real shift has both."""
    assert shifted(0.01) == 0
    assert shifted(0.15) == 1


def test_a_small_shift_of_a_million_rows_is_beyond_doubt_and_no_alarm(tmp_path):
    """Without the least effect, the test alone would raise the alarm."""
    draw = np.random.default_rng(2)
    calibration = draw.normal(size=20_000)
    batch = scored([False] * 1_000_000, scores=draw.normal(size=1_000_000) - 0.1)
    for effect, n_alerts in (("", 0), ("effect = 0.0\n", 1)):
        current = alerter(tmp_path, RULE + effect, state=None, calibration=calibration)
        current.observe(batch)
        assert current.close().n_alerts == n_alerts


def test_the_rate_of_false_alarms_is_that_of_the_test():
    """600 windows of the distribution of calibration: as many alarms as the p-value says, or fewer."""
    draw = np.random.default_rng(3)
    alarms = 0
    for _ in range(600):
        reference = Reference(draw.normal(size=300))
        alarms += reference.compare(reference.count(draw.normal(size=200))).p_value <= 0.05
    assert 12 <= alarms <= 40


def test_a_great_distance_of_few_rows_is_no_alarm(tmp_path):
    """Five rows may lie anywhere; the effect alone would raise the alarm."""
    draw = np.random.default_rng(5)
    calibration, batch = draw.normal(size=1000), scored([False] * 5, scores=[-1.0, -0.8, -0.5, 0.1, 0.2])
    for p_value, n_alerts in ((1e-3, 0), (1.0, 1)):
        rule = f"{RULE}window = 5\np_value = {p_value}\n"
        assert len(alerter(tmp_path, rule, calibration=calibration, state=None).observe(batch)) == n_alerts


def test_the_direction_of_a_drift_is_told(tmp_path):
    """Lower scores are less normal; higher ones are a drift too."""
    draw = np.random.default_rng(4)
    for shift, side in ((-1.0, "lower"), (1.0, "higher")):
        current = alerter(tmp_path, RULE + "window = 500\n", calibration=draw.normal(size=1000), state=None)
        (alert,) = current.observe(scored([False] * 500, scores=draw.normal(shift, size=500)))
        assert f"scores are {side} than in calibration" in alert.what
        assert alert.measures["effect"] == pytest.approx(0.383, abs=0.06)
        assert alert.p_value < 1e-10
        assert (alert.first, alert.last, alert.n_rows) == (2, 501, 500)


@pytest.mark.parametrize("n_rows", [1, 36, 500])
@pytest.mark.parametrize("p_value", [0.5, 1e-3, 1e-9])
def test_the_rows_that_a_p_value_needs_are_the_fewest(n_rows, p_value):
    """A window of the needed length can have it, a shorter one cannot; None if no window can."""
    reference = Reference(np.arange(float(n_rows)))
    needed = reference.rows_needed(p_value)
    if needed is None:
        assert reference.least_p_value(MAX_WINDOW) > p_value
        return
    assert reference.least_p_value(needed) <= p_value
    assert needed == 1 or reference.least_p_value(needed - 1) > p_value

"""Online false-discovery control: the levels of LORD++, and a rule that keeps its state."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.rules.discovery_rules import MOST_DISCOVERIES, Lord, last_possible, shares
from tests.anomaly_vae_pipelines.alerting.streams import alerter, parts, scored

FDR = '[[rule]]\nname = "odd"\nkind = "score"\nfdr = 0.1\ncooldown = "0s"\n'


def decided(p_values, rate: float) -> list[bool]:
    """The decisions about a stream."""
    lord = Lord(rate)
    found = []
    for number, p_value in enumerate(p_values, start=1):
        found.append(bool(p_value <= lord.level(number)))
        if found[-1]:
            lord.discover(number)
    return found


def stream(seed: int, n_rows: int = 2_000, share: float = 0.1, strength: float = 6.0):
    """P-values, uniform for normal rows and small for anomalies, and which are anomalies."""
    random = np.random.default_rng(seed)
    odd = random.random(n_rows) < share
    return np.where(odd, random.random(n_rows) ** strength / 100.0, random.random(n_rows)), odd


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_decisions_are_those_of_another_implementation(seed, rate):
    """Of the package online-fdr, row by row."""
    package = pytest.importorskip("online_fdr.p_values.investing.lord.plus_plus")
    other = package.LordPlusPlus(alpha=rate, wealth=rate / 2)
    p_values, _ = stream(seed, 600)
    found = decided(p_values, rate)
    assert found == [other.test_one(float(p_value)) for p_value in p_values]
    assert any(found)


def test_the_share_of_false_discoveries_is_at_most_the_rate():
    """In the mean over streams; and anomalies are found."""
    false, power = [], []
    for seed in range(60):
        p_values, odd = stream(seed)
        found = np.array(decided(p_values, 0.1))
        false.append((found & ~odd).sum() / max(found.sum(), 1))
        power.append((found & odd).sum() / odd.sum())
    assert np.mean(false) <= 0.1
    assert np.mean(power) > 0.5


def test_the_shares_of_wealth_sum_to_at_most_one():
    """Otherwise more is spent than was earned."""
    n_rows = 1_000_000
    s = math.sqrt(math.log(n_rows))
    rest = shares(np.array([n_rows]))[0] * n_rows * math.exp(s) / s**2
    rest *= 2.0 * math.exp(-s) * (s**3 + 3.0 * s**2 + 6.0 * s + 6.0)  # the integral beyond
    assert 0.95 < shares(np.arange(1, n_rows)).sum() + rest <= 1.0
    assert (np.diff(shares(np.arange(2, 1_000))) < 0).all()


def test_levels_stay_below_the_rate_and_old_discoveries_are_dropped():
    """So the rule looks closely at few rows, and its state is bounded."""
    lord = Lord(0.1)
    for number in range(1, 3 * MOST_DISCOVERIES):
        assert 0 < lord.level(number) < 0.1
        lord.discover(number)
    assert len(lord.get_state()["others"]) == MOST_DISCOVERIES


@pytest.mark.parametrize("cuts", [[], [1], [7, 8, 150], list(range(0, 300, 11))])
def test_a_restart_changes_nothing(tmp_path, cuts):
    """The rows are the same discoveries, however they are divided into runs."""
    p_values, _ = stream(1, 300)
    batch = scored([False] * 300, p_values=p_values.tolist())
    found = []
    for piece in parts(batch, cuts):
        current = alerter(tmp_path, FDR)
        found += [row.number for alert in current.observe(piece) for row in alert.rows]
        current.close(ended=False)
    wanted = np.flatnonzero(decided(p_values, 0.1)) + 2
    assert found == wanted.tolist()
    assert len(found) > 5


def test_an_alert_names_the_rate(tmp_path):
    """In its sentence."""
    (alert,) = alerter(tmp_path, FDR).observe(scored([True], p_values=[1e-6]))
    assert alert.what.startswith("1 row at a false-discovery rate of 0.1: line 2")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("below = -3.0", "give only one of below, p_value, fdr"),
        ("p_value = 0.1", "give only one of below, p_value, fdr"),
        ("n = 3", "no key 'n'"),
    ],
)
def test_one_condition_is_given(tmp_path, more, message):
    """A rate is one of them."""
    with pytest.raises(InputError, match=message):
        alerter(tmp_path, FDR + more + "\n")


def test_a_rule_that_soon_cannot_fire_is_refused(tmp_path):
    """With few held-out rows p-values are too large; an estimated tail has smaller ones."""
    scores = np.sort(np.random.default_rng(0).normal(size=500))
    with pytest.raises(InputError, match=r"fires no longer after 1 rows.*tail = 'gpd'"):
        alerter(tmp_path, FDR, calibration=scores)
    current = alerter(tmp_path, FDR + 'tail = "gpd"\n', calibration=scores)
    assert len(current.observe(scored([True], scores=[-60.0], p_values=[1 / 501]))) == 1
    with pytest.raises(InputError, match="fdr must be a number between 0 and 1"):
        alerter(tmp_path, FDR.replace("0.1", "1.5"))


def test_the_last_row_that_can_be_found_grows_with_the_held_out_rows():
    """It is the row at which the level reaches the least p-value."""
    found = [last_possible(0.1, least) for least in (1.0, 1e-3, 1e-5, 1e-7)]
    assert found == sorted(found)
    assert found[0] == 0
    assert 0.05 * shares(np.array([found[2]]))[0] >= 1e-5

"""Levels of LORD++ and SAFFRON: those of another implementation, with a bounded memory."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import norm

from anomaly_vae_pipelines.alerting.rules.levels import (
    EXACT,
    FINENESS,
    METHODS,
    Levels,
    lord_shares,
    saffron_shares,
)

BOTH = pytest.mark.parametrize("name", METHODS)


def stream(seed: int, n_rows: int = 2_000, share: float = 0.1, strength: float = 6.0):
    """P-values, uniform for normal rows and small for anomalies, and which are anomalies."""
    random = np.random.default_rng(seed)
    odd = random.random(n_rows) < share
    return np.where(odd, random.random(n_rows) ** strength / 100.0, random.random(n_rows)), odd


def oracle(name: str, rate: float):
    """The same method of the package online-fdr."""
    if name == "saffron":
        package = pytest.importorskip("online_fdr.p_values.investing.saffron.saffron")
        return package.Saffron(alpha=rate, wealth=rate / 2, lambda_=0.5)
    package = pytest.importorskip("online_fdr.p_values.investing.lord.plus_plus")
    return package.LordPlusPlus(alpha=rate, wealth=rate / 2)


def exact_level(name: str, rate: float, p_values: np.ndarray, found: np.ndarray) -> float:
    """The level of the row after these, by the formula of the paper."""
    method = METHODS[name]
    ticks = np.cumsum([method.ticks(p_value) for p_value in p_values.tolist()])
    earned = np.full(found.sum() + 1, rate)
    earned[:2] = rate / 2
    lags = np.append(ticks[-1], ticks[-1] - ticks[found]) + 1
    return min((1 - method.candidate) * float(earned @ method.shares(lags)), method.candidate or 1.0)


@BOTH
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_levels_and_decisions_are_those_of_another_implementation(name, seed, rate):
    """Of the package online-fdr, row by row."""
    other, levels = oracle(name, rate), Levels(METHODS[name], rate)
    p_values, _ = stream(seed, 600)
    p_values[::97] = 0.5  # a candidate of SAFFRON, just so
    n_found = 0
    for p_value in p_values.tolist():
        level = levels.level()
        (found,) = levels.decide([p_value])
        assert found == other.test_one(p_value)
        assert level == pytest.approx(other.alpha, rel=0, abs=1e-12)
        n_found += found
    assert n_found > 5


@BOTH
@pytest.mark.parametrize("share", [0.01, 0.1])
def test_old_discoveries_lower_levels_by_no_more_than_the_bound(name, share):
    """They are counted in blocks, of which there are few; levels never exceed those of the method."""
    p_values, _ = stream(5, 30_000, share)
    levels, found = Levels(METHODS[name], 0.1), np.empty(0, dtype=bool)
    ratios = []
    for part in np.split(p_values, 15):
        found = np.append(found, levels.decide(part.tolist()))
        exact = exact_level(name, 0.1, p_values[: len(found)], found)
        ratios.append(levels.level() / exact)
    assert (1 + 1 / FINENESS) ** -2 <= min(ratios) < 0.9999
    assert max(ratios) <= 1 + 1e-12
    assert sum(levels.get_state()["counts"]) == found.sum() - 1


@BOTH
def test_the_memory_of_a_long_stream_is_bounded(name):
    """If each row were a discovery, the blocks would grow with the logarithm of the number of rows."""
    levels, lengths = Levels(METHODS[name], 0.1), []
    n_rows = 0
    for _ in range(30):
        at = np.arange(n_rows, n_rows + 256)
        n_rows += 1 << 31
        state = levels.get_state()
        levels.set_state(
            {
                "rows": n_rows,
                "first": 0,
                "others": sorted({*state["others"], *at.tolist(), *range(n_rows - 300, n_rows)}),
            }
        )
        assert levels.level() > 0
        lengths.append(len(levels.get_state()["others"]))
    assert max(lengths) < EXACT + 256 + 2 * FINENESS * 36


@BOTH
def test_decisions_do_not_depend_on_the_parts_of_a_stream(name):
    """Nor on a restart from the state of a file after each part."""
    p_values, _ = stream(3, 6_000, 0.3)
    whole = Levels(METHODS[name], 0.1).decide(p_values.tolist())
    state, found = Levels(METHODS[name], 0.1).get_state(), []
    for part in np.split(p_values, [1, 2, 500, 1_700, 4_321]):
        levels = Levels(METHODS[name], 0.1)
        levels.set_state(json.loads(json.dumps(state)))
        found += levels.decide(part.tolist()).tolist()
        state = levels.get_state()
    assert found == whole.tolist()


def test_the_state_of_an_earlier_release_is_read():
    """It listed discoveries one by one, without counts."""
    levels = Levels(METHODS["lord++"], 0.1)
    levels.set_state({"rows": 9, "first": 2, "others": [4, 8]})
    wanted = 0.05 * lord_shares(np.array([10, 8])).sum() + 0.1 * lord_shares(np.array([6, 2])).sum()
    assert levels.level() == pytest.approx(wanted)


@pytest.mark.parametrize("counts", [[1], [1, 1, 1], [[1, 1]], ["a", "b"]])
def test_a_damaged_state_is_refused(counts):
    """Not later, while rows are tested."""
    with pytest.raises(ValueError, match=r"wanted a count|invalid literal"):
        Levels(METHODS["saffron"], 0.1).set_state({"rows": 9, "first": 2, "others": [4, 8], "counts": counts})


@BOTH
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_the_share_of_false_discoveries_is_at_most_the_rate(name, share):
    """In the mean over streams; and anomalies are found."""
    false, power = [], []
    for seed in range(20):
        p_values, odd = stream(seed, 1_000, share, 12.0)
        found = Levels(METHODS[name], 0.1).decide(p_values.tolist())
        false.append((found & ~odd).sum() / max(found.sum(), 1))
        power.append((found & odd).sum() / odd.sum())
    assert np.mean(false) <= 0.1
    assert np.mean(power) > 0.4


def test_saffron_finds_more_where_many_rows_are_anomalies_and_lord_where_few_are():
    """Candidates do not lower the levels of SAFFRON, but it starts with half of them."""
    found = {}
    for share in (0.005, 0.3):
        random = np.random.default_rng(1)
        odd = random.random(5_000) < share
        p_values = norm.sf(random.normal(size=5_000) + 4.0 * odd).tolist()
        for name, method in METHODS.items():
            found[name, share] = (Levels(method, 0.02).decide(p_values) & odd).sum()
    assert found["saffron", 0.3] > 1.08 * found["lord++", 0.3]
    assert found["lord++", 0.005] > found["saffron", 0.005]


@BOTH
def test_one_more_discovery_raises_the_next_levels(name):
    """And a row without a p-value is not one, but lowers the levels as a normal row does."""
    less, more = Levels(METHODS[name], 0.1), Levels(METHODS[name], 0.1)
    less.decide([1e-9, 0.9, 0.9, 0.9])
    more.decide([1e-9, 0.9, 1e-9, 0.9])
    assert more.level() > less.level()
    before = less.level()
    assert less.decide([math.nan]).tolist() == [False]
    assert less.level() < before


@pytest.mark.parametrize("shares", [lord_shares, saffron_shares])
def test_shares_of_wealth_fall_and_sum_to_at_most_one(shares):
    """Otherwise more is spent than was earned."""
    n_rows = 1_000_000
    if shares is lord_shares:
        s = math.sqrt(math.log(n_rows))
        rest = shares(np.array([n_rows]))[0] * n_rows * math.exp(s) / s**2
        rest *= 2.0 * math.exp(-s) * (s**3 + 3.0 * s**2 + 6.0 * s + 6.0)  # the integral beyond
    else:
        rest = shares(np.array([n_rows]))[0] * n_rows / 0.6
    assert 0.95 < shares(np.arange(1, n_rows)).sum() + rest <= 1.0 + 1e-6
    assert (np.diff(shares(np.arange(1, 1_000))) < 0).all()

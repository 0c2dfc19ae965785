"""False-discovery control: the procedure, block by block, and the rate that it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from anomaly_vae.discovery import FalseDiscovery, check_discovery
from anomaly_vae.errors import InputError
from anomaly_vae.thresholds import conformal_p_values, least_false_alarm_rate

Floats = NDArray[np.float64]

LAW = settings(deadline=None, max_examples=200, derandomize=True)


def flagged(p_values: Floats, rate: float, n_calibration: int, n_blocks: int = 1) -> NDArray[np.bool_]:
    """Rows that two passes over blocks flag."""
    batch = FalseDiscovery(n_calibration)
    for block in np.array_split(p_values, n_blocks):
        batch.add(block)
    assert batch.n_rows == len(p_values)
    cutoff = batch.cutoff(rate)
    return np.zeros(len(p_values), dtype=bool) if cutoff is None else p_values <= cutoff


@LAW
@given(
    n_calibration=st.integers(1, 300),
    shares=st.lists(st.floats(0.0, 1.0) | st.just(0.0), min_size=1, max_size=80),
    rate=st.floats(0.001, 0.999),
    n_blocks=st.integers(1, 5),
)
def test_blocks_give_the_procedure_of_the_whole(
    n_calibration: int, shares: list[float], rate: float, n_blocks: int
) -> None:
    """What is flagged is what scipy flags in one array, wherever the blocks begin."""
    ranks = 1.0 + np.floor(np.array(shares) * n_calibration)
    p_values = ranks / (n_calibration + 1.0)
    expected = false_discovery_control(p_values) <= rate
    np.testing.assert_array_equal(flagged(p_values, rate, n_calibration, n_blocks), expected)


@LAW
@given(exponents=st.lists(st.floats(-12.0, 0.0), min_size=1, max_size=60), rate=st.floats(0.01, 0.5))
def test_p_values_of_a_tail_are_never_taken_for_smaller(exponents: list[float], rate: float) -> None:
    """Estimated p-values are flagged only if scipy flags them, and if it does at a rate 3 % lower."""
    p_values = 10.0 ** np.array(exponents)
    p_values = np.where(p_values >= 0.01, np.ceil(p_values * 100.0) / 100.0, p_values)
    ours = flagged(p_values, rate, 99)
    assert not (ours & (false_discovery_control(p_values) > rate)).any()
    assert not (~ours & (false_discovery_control(p_values) <= 0.97 * rate)).any()


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
@pytest.mark.slow
def test_the_false_discovery_rate_is_kept(share: float) -> None:
    """Over 1,000 batches, each with one calibration set, the mean share of false alerts is at most the rate.

    It is not far below either, where there is something to find: Benjamini & Hochberg keep the rate times
    the share of normal rows.
    """
    random = np.random.default_rng(0)
    for rate in (0.1, 0.3):
        proportions = [_false_share(random, share, rate) for _ in range(1000)]
        error = 3.0 * np.std(proportions) / len(proportions) ** 0.5
        assert np.mean(proportions) <= (1.0 - share) * rate + error
        assert share == 0.0 or np.mean(proportions) >= 0.6 * (1.0 - share) * rate - error


def _false_share(random: np.random.Generator, share: float, rate: float) -> float:
    """Share of normal rows among those flagged, of a batch of 200."""
    n_anomalies = round(200 * share)
    normal, anomalous = random.normal(size=200 - n_anomalies), random.normal(-3.5, 1.0, n_anomalies)
    calibration = np.sort(random.normal(size=1000))
    alerts = flagged(conformal_p_values(np.concatenate([normal, anomalous]), calibration), rate, 1000)
    return float(alerts[: len(normal)].sum() / max(alerts.sum(), 1))


def test_nothing_is_flagged_where_nothing_stands_out() -> None:
    """Without rows, and with none that is low enough, there is no cutoff."""
    batch = FalseDiscovery(n_calibration=99)
    assert batch.cutoff(0.1) is None
    batch.add(np.array([0.5, 0.9, 1.0]))
    assert batch.cutoff(0.1) is None


@pytest.mark.parametrize(("n_calibration", "rate"), [(99, 0.1), (500, 0.05), (2000, 0.5)])
def test_the_fewest_discoveries_are_flagged_and_fewer_are_not(n_calibration: int, rate: float) -> None:
    """Of 1,000 rows, this many with the lowest p-value are flagged; with one fewer, none is."""
    batch = FalseDiscovery(n_calibration)
    batch.add(np.ones(1000))
    fewest = batch.least_discoveries(rate)
    for n_low, found in ((fewest, True), (fewest - 1, False)):
        p_values = np.r_[np.full(n_low, 1 / (n_calibration + 1)), np.ones(1000 - n_low)]
        assert flagged(p_values, rate, n_calibration).any() == found


def test_its_memory_does_not_grow_with_the_batch() -> None:
    """A million rows are kept as the counts of some ten thousand grades."""
    batch = FalseDiscovery(n_calibration=999)
    before = batch._counts.nbytes
    for _ in range(10):
        batch.add(np.full(100_000, 0.5))
    assert batch.n_rows == 1_000_000
    assert batch._counts.nbytes == before < 1_000_000


def test_what_is_no_p_value_or_rate_is_refused() -> None:
    """A message names what came."""
    batch = FalseDiscovery(n_calibration=9)
    for wrong in (-0.1, 1.5, np.nan):
        with pytest.raises(InputError, match=f"from 0 to 1, got {wrong}"):
            batch.add(np.array([0.5, wrong]))
    with pytest.raises(InputError, match=r"between 0 and 1, got 1\.5"):
        batch.cutoff(1.5)


@LAW
@given(n_calibration=st.integers(1, 300), n_rows=st.integers(1, 50), rate=st.floats(0.001, 0.999))
def test_a_rate_is_refused_exactly_if_no_batch_can_have_a_discovery(
    n_calibration: int, n_rows: int, rate: float
) -> None:
    """A batch in which every row scores below all calibration rows is the most that can be."""
    lowest = np.full(n_rows, least_false_alarm_rate(n_calibration))
    if flagged(lowest, rate, n_calibration).any():
        check_discovery(rate, n_calibration)
    else:
        with pytest.raises(InputError, match=f"with {n_calibration} held-out rows; it needs"):
            check_discovery(rate, n_calibration)

"""Thresholds: what p-values and false-alarm rates guarantee, and how robust offsets are."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.thresholds import (
    AUTO_FALSE_ALARM_RATE,
    AUTO_RANK,
    FENCE,
    LEAST_SPREAD,
    LEAST_TAIL_ROWS,
    auto_false_alarm_rate,
    check_guarantee,
    conformal_p_values,
    contamination_offset,
    false_alarm_interval,
    false_alarm_offset,
    fence_offset,
    least_false_alarm_rate,
    n_calibration_needed,
    threshold_interval,
)

Floats = NDArray[np.float64]

LAW = settings(deadline=None, max_examples=100, derandomize=True)

score = st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float)
sorted_scores = st.lists(score, min_size=1, max_size=60).map(lambda scores: np.sort(np.array(scores)))


# ------------------------------------------------------------------------------------- conformal p-values
def drawn(kind: str, shape: tuple[int, int], random: np.random.Generator) -> Floats:
    """Exchangeable scores: continuous, heavy-tailed, with ties, or with a shift that a whole split shares."""
    if kind == "ties":
        return random.integers(0, 4, shape).astype(np.float64)
    if kind == "shared shift":
        return random.normal(size=shape) + 10.0 * random.normal(size=(shape[0], 1))
    return -(random.exponential(size=shape) ** 3)


@pytest.mark.parametrize("kind", ["heavy tail", "ties", "shared shift"])
@pytest.mark.parametrize("n_calibration", [9, 50])
def test_a_normal_row_rarely_has_a_small_p_value(kind: str, n_calibration: int) -> None:
    """Over 4,000 splits of exchangeable scores P(p <= r) is at most r, and close to it without ties."""
    scores = drawn(kind, (4000, n_calibration + 1), np.random.default_rng(0))
    p_values = np.array([conformal_p_values(row[:1], np.sort(row[1:]))[0] for row in scores])
    for rate in (0.02, 0.05, 0.1, 0.25, 0.5, 0.9):
        share = (p_values <= rate).mean()
        error = 3.0 * np.sqrt(rate * (1 - rate) / len(p_values))
        assert share <= rate + error
        if kind != "ties":
            assert share >= np.floor(rate * (n_calibration + 1) + 1e-9) / (n_calibration + 1) - error


@LAW
@given(calibration=sorted_scores, scores=st.lists(score, min_size=2, max_size=10))
def test_p_values_are_ordered_shares(calibration: Floats, scores: list[float]) -> None:
    """A p-value counts the calibration scores no higher, and the row itself; it rises with the score."""
    p_values = conformal_p_values(np.sort(scores), calibration)
    counts = [(calibration <= one).sum() + 1 for one in np.sort(scores)]
    np.testing.assert_allclose(p_values, np.array(counts) / (len(calibration) + 1))
    assert (np.diff(p_values) >= 0).all()
    assert p_values.min() >= least_false_alarm_rate(len(calibration))
    assert p_values.max() <= 1.0


def test_a_score_below_all_has_the_least_p_value() -> None:
    """Of 99 calibration rows the worst new row has p = 1 %, the best p = 1."""
    p_values = conformal_p_values(np.array([-1.0, 49.5, 1000.0]), np.arange(99.0))
    np.testing.assert_allclose(p_values, [0.01, 0.51, 1.0])


# ------------------------------------------------------------------------------------- false-alarm offsets
@LAW
@given(calibration=sorted_scores, thousandths=st.integers(1, 999), scores=st.lists(score, max_size=10))
def test_the_offset_is_the_p_value(calibration: Floats, thousandths: int, scores: list[float]) -> None:
    """A score is below the offset of a rate exactly where its p-value is at most the rate."""
    rate = thousandths / 1000
    if rate < least_false_alarm_rate(len(calibration)):
        return
    offset = false_alarm_offset(calibration, rate)
    candidates = np.array([*scores, *calibration, offset, np.nextafter(offset, -np.inf)])
    np.testing.assert_array_equal(candidates < offset, conformal_p_values(candidates, calibration) <= rate)


@LAW
@given(calibration=sorted_scores, ranks=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_a_higher_rate_has_a_higher_offset(calibration: Floats, ranks: tuple[int, int]) -> None:
    """The offset never falls as the rate rises, and is a calibration score."""
    n = len(calibration)
    low, high = (false_alarm_offset(calibration, min(rank, n) / (n + 1)) for rank in sorted(ranks))
    assert low <= high
    assert {low, high} <= set(calibration.tolist())


def test_the_guarantee_holds() -> None:
    """Over 4,000 splits a new normal row is below the offset of 10 % in at most 10 % of them."""
    scores = np.random.default_rng(1).standard_cauchy((4000, 31))
    alarms = [row[0] < false_alarm_offset(np.sort(row[1:]), 0.1) for row in scores]
    assert 0.07 < np.mean(alarms) < 0.1 + 0.015


@LAW
@given(n_calibration=st.integers(1, 2000))
def test_the_least_rate_can_be_guaranteed_and_no_less(n_calibration: int) -> None:
    """The least rate gives the lowest calibration score; half of it is an InputError with ways out.

    They work: the rate that it names can be asked for, and the rows that it names can guarantee it.
    """
    calibration = np.arange(float(n_calibration))
    least = least_false_alarm_rate(n_calibration)
    assert false_alarm_offset(calibration, least) == 0.0
    with pytest.raises(InputError, match="tail='gpd' \\(--tail gpd\\)") as caught:
        false_alarm_offset(calibration, least / 2)
    from_rows, from_more, rate = re.search(
        r"guaranteed from ([\d,]+) held-out rows; it needs ([\d,]+)\. Use (\S+) or more",
        str(caught.value),
    ).groups()
    assert int(from_rows.replace(",", "")) == n_calibration
    assert int(from_more.replace(",", "")) == n_calibration_needed(least / 2) == 2 * n_calibration + 1
    assert least <= float(rate) <= 1.01 * least
    check_guarantee(float(rate), n_calibration)


@LAW
@given(rate=st.floats(1e-6, 0.99))
def test_the_rows_that_a_rate_needs_are_the_fewest(rate: float) -> None:
    """That number of rows can guarantee the rate, one fewer cannot."""
    n_rows = n_calibration_needed(rate)
    check_guarantee(rate, n_rows)
    if n_rows > 1:
        with pytest.raises(InputError, match=f"from {n_rows - 1:,} held-out rows; it needs {n_rows:,}"):
            check_guarantee(rate, n_rows - 1)


def test_a_rate_that_is_written_in_decimals_is_met() -> None:
    """0.29 of 100 is the 29th score, though 0.29 * 100 is 28.999999999999996 in floats."""
    assert false_alarm_offset(np.arange(99.0), 0.29) == 28.0


@LAW
@given(n_calibration=st.integers(1, 2000))
def test_the_automatic_rate_is_one_percent_or_rests_on_ten_rows(n_calibration: int) -> None:
    """It can always be guaranteed, and falls with the number of rows to 1 %, from 999 rows on.

    From 199 rows on the threshold is at least the tenth lowest score.
    """
    rate = auto_false_alarm_rate(n_calibration)
    assert false_alarm_offset(np.zeros(n_calibration), rate) == 0.0
    assert (rate == AUTO_FALSE_ALARM_RATE) == (n_calibration >= 999)
    assert auto_false_alarm_rate(n_calibration + 1) <= rate
    if n_calibration >= 199:
        assert false_alarm_offset(np.arange(float(n_calibration)), rate) >= AUTO_RANK - 1


@pytest.mark.parametrize(
    ("n_calibration", "needs_rows"), [(LEAST_TAIL_ROWS - 1, True), (LEAST_TAIL_ROWS, False)]
)
def test_the_tail_is_named_as_a_way_out_with_the_rows_that_it_needs(
    n_calibration: int, needs_rows: bool
) -> None:
    """If there are too few rows for a tail too, the same message says so."""
    with pytest.raises(InputError, match="tail='gpd'") as caught:
        check_guarantee(1e-4, n_calibration)
    assert (f"from {LEAST_TAIL_ROWS} held-out rows on" in str(caught.value)) == needs_rows


# ---------------------------------------------------------------------------------------------- intervals
@pytest.mark.parametrize("kind", ["heavy tail", "ties"])
@pytest.mark.parametrize(
    ("n_calibration", "rate"), [(20, 0.05), (175, 0.05), (1000, 0.01), (60, 0.5), (30, 0.99)]
)
def test_the_interval_of_a_threshold_contains_the_quantile(
    kind: str, n_calibration: int, rate: float
) -> None:
    """Over 2,000 calibrations at least 90 % of the intervals do, for continuous scores and for ties."""
    scores = np.sort(drawn(kind, (2000, n_calibration), np.random.default_rng(4)), axis=1)
    quantile = math.floor(4 * rate) if kind == "ties" else -((-math.log(rate)) ** 3)
    intervals = np.array([threshold_interval(row, rate) for row in scores])
    contains = (intervals[:, 0] <= quantile) & (quantile <= intervals[:, 1])
    assert contains.mean() > 0.9 - 3.0 * np.sqrt(0.09 / len(scores))


@LAW
@given(calibration=sorted_scores, thousandths=st.integers(1, 999), step=st.integers(0, 500))
def test_the_interval_contains_the_threshold_and_moves_with_it(
    calibration: Floats, thousandths: int, step: int
) -> None:
    """Its ends are calibration scores or infinite, on both sides of the threshold, and rise with the rate."""
    rate = thousandths / 1000
    low, high = threshold_interval(calibration, rate)
    assert {low, high} <= {-math.inf, math.inf, *calibration.tolist()}
    if rate >= least_false_alarm_rate(len(calibration)):
        assert low <= false_alarm_offset(calibration, rate) <= high
    higher = threshold_interval(calibration, min(rate + step / 1000, 0.999))
    assert (low <= higher[0], high <= higher[1]) == (True, True)


def test_too_few_scores_leave_an_end_open() -> None:
    """Of 20 normal scores none may be below the 5 % quantile: there is no lower end."""
    assert threshold_interval(np.arange(20.0), 0.05) == (-math.inf, 3.0)
    assert threshold_interval(np.arange(20.0), 0.95)[1] == math.inf
    assert threshold_interval(np.arange(1000.0), 0.01) == (4.0, 15.0)


@pytest.mark.parametrize(("n_calibration", "rate"), [(20, 0.05), (175, 0.05), (1000, 0.01), (60, 0.5)])
def test_the_actual_rate_is_in_its_interval(n_calibration: int, rate: float) -> None:
    """Of 4,000 thresholds 90 % have an actual false-alarm rate in it, and 5 % on each side."""
    scores = np.sort(np.random.default_rng(5).uniform(size=(4000, n_calibration)), axis=1)
    actual = np.array([false_alarm_offset(row, rate) for row in scores])  # of uniform scores
    low, high = false_alarm_interval(n_calibration, rate)
    for beyond in (actual < low, actual > high):
        assert beyond.mean() == pytest.approx(0.05, abs=3.0 * np.sqrt(0.0475 / len(scores)))


@LAW
@given(n_calibration=st.integers(1, 2000), thousandths=st.integers(1, 999))
def test_the_interval_of_the_rate_contains_the_guaranteed_mean(n_calibration: int, thousandths: int) -> None:
    """The mean actual rate, k / (n + 1), is in it. Ten times as many rows make it narrower."""
    rate = thousandths / 1000
    if rate < least_false_alarm_rate(n_calibration):
        with pytest.raises(InputError, match="cannot be guaranteed"):
            false_alarm_interval(n_calibration, rate)
        return
    low, high = false_alarm_interval(n_calibration, rate)
    rank = min(math.floor(rate * (n_calibration + 1) + 1e-9), n_calibration)
    assert 0.0 < low < rank / (n_calibration + 1) < high < 1.0
    if n_calibration >= 20:
        assert np.subtract(*false_alarm_interval(10 * n_calibration, rate)) > low - high


# ----------------------------------------------------------------------------------------- offsets by shape
def clean_scores() -> Floats:
    return np.random.default_rng(2).normal(-10.0, 1.0, 2000)


@pytest.mark.parametrize(("share", "moved"), [(0.05, 0.7), (0.1, 1.4), (0.2, 3.4)])
def test_the_fence_withstands_contamination(share: float, moved: float) -> None:
    """Among a fifth of anomalies the fence falls by less than 3.4 standard deviations, however bad they are.

    It still tells them from clean rows: it lies below 97.5 % of those and above every anomaly.
    """
    clean = clean_scores()
    offsets = []
    for badness in (-1e2, -1e4, -1e9):
        anomalies = np.full(round(len(clean) * share / (1 - share)), badness)
        offsets.append(fence_offset(np.concatenate([clean, anomalies])))
        assert anomalies.max() < offsets[-1]
    assert len(set(offsets)) == 1
    assert 0.0 < fence_offset(clean) - offsets[0] < moved
    assert (clean < offsets[0]).mean() < 0.025


def test_the_fence_of_a_gaussian_is_three_deviations_away() -> None:
    """Of clean Gaussian scores 0.4 % are beyond the fence, of an exponential tail 3 %."""
    assert fence_offset(clean_scores()) == pytest.approx(-12.7, abs=0.2)
    tail = -np.random.default_rng(3).exponential(size=20_000)
    assert (tail < fence_offset(tail)).mean() == pytest.approx(0.03125, abs=0.01)


@pytest.mark.parametrize("spread", [0.0, 1e-9, 0.1])
def test_scores_that_tie_have_a_fence_below_them(spread: float) -> None:
    """Where half of the scores are one, or nearly, the fence is some nats below them."""
    scores = np.sort(-5.0 + spread * np.linspace(-1.0, 1.0, 101))
    assert fence_offset(scores) == pytest.approx(-5.0 - FENCE * LEAST_SPREAD)


@LAW
@given(scores=sorted_scores, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_offsets_move_with_the_scores(scores: Floats, shift: float, scale: float) -> None:
    """Shifted scores have shifted offsets, and where they have some spread scaled ones scaled ones."""
    tolerance = 1e-9 * (1.0 + float(np.abs(scores).max())) * 10.0
    wide = 1000.0 * scores if np.subtract(*np.quantile(scores, [0.5, 0.25])) > 0.01 else None
    for offset in (fence_offset, lambda given_scores: contamination_offset(given_scores, 0.3)):
        assert offset(scores + shift) == pytest.approx(offset(scores) + shift, abs=tolerance)
        if wide is not None:
            assert offset(scale * wide) == pytest.approx(scale * offset(wide), abs=1000.0 * tolerance)


@LAW
@given(n_rows=st.integers(2, 500), contamination=st.floats(0.0, 0.5), seed=st.integers(0, 99))
def test_contamination_flags_its_share(n_rows: int, contamination: float, seed: int) -> None:
    """Of distinct scores the given share, to within one row, is below the offset: the lowest ones."""
    scores = np.random.default_rng(seed).permutation(n_rows).astype(np.float64)
    flagged = scores < contamination_offset(scores, contamination)
    assert abs(flagged.sum() - contamination * n_rows) <= 1.0
    assert scores[flagged].sum() == sum(range(flagged.sum()))

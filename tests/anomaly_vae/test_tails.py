"""The tail below the lowest calibration score: where it begins, how it falls, and how far it is off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from anomaly_vae.errors import InputError
from anomaly_vae.tails import (
    LEAST_CALIBRATION,
    MAX_SEVERITY,
    MAX_SHAPE,
    LowerTail,
    SeverityScale,
    severities,
    tail_p_values,
)
from anomaly_vae.thresholds import conformal_p_values, least_false_alarm_rate

Floats = NDArray[np.float64]

LAW = settings(deadline=None, max_examples=60, derandomize=True)

KINDS = ["gaussian", "exponential", "cauchy", "ties", "one far away", "some far away"]


def drawn(kind: str, n_rows: int, seed: int = 0) -> Floats:
    """Calibration scores, ascending, of many shapes."""
    random = np.random.default_rng(seed)
    scores = {
        "gaussian": lambda: random.normal(size=n_rows),
        "exponential": lambda: -random.exponential(size=n_rows),
        "cauchy": lambda: random.standard_cauchy(n_rows),
        "ties": lambda: random.integers(0, 12, n_rows).astype(np.float64),
        "one far away": lambda: np.r_[-1e300, random.normal(size=n_rows - 1)],
        "some far away": lambda: np.r_[
            np.full(n_rows // 20, -1e9), random.normal(size=n_rows - n_rows // 20)
        ],
    }[kind]()
    return np.sort(scores)


@LAW
@given(kind=st.sampled_from(KINDS), n_rows=st.integers(LEAST_CALIBRATION, 3000), seed=st.integers(0, 99))
def test_the_tail_begins_where_the_guarantee_ends(kind: str, n_rows: int, seed: int) -> None:
    """From the lowest calibration score up p-values are conformal; just below it they go on from there."""
    calibration = drawn(kind, n_rows, seed)
    scores = np.r_[calibration, calibration[0] + 1.0, np.nextafter(calibration[0], -np.inf)]
    p_values = tail_p_values(scores, calibration)
    np.testing.assert_allclose(p_values, conformal_p_values(scores, calibration), rtol=1e-9)


@LAW
@given(kind=st.sampled_from(KINDS), n_rows=st.integers(LEAST_CALIBRATION, 3000), seed=st.integers(0, 99))
def test_p_values_fall_with_the_score(kind: str, n_rows: int, seed: int) -> None:
    """The lower the score, the lower the p-value, which is finite and never negative, down to -1e308."""
    calibration = drawn(kind, n_rows, seed)
    spread = calibration[-1] - calibration[0]
    scores = calibration[0] - np.r_[1e307, np.geomspace(1e6, 1e-6, 50) * min(spread, 1e300)]
    p_values = tail_p_values(scores, calibration)
    assert (np.diff(p_values) >= 0.0).all()
    assert (p_values >= 0.0).all()
    assert (p_values <= least_false_alarm_rate(n_rows) * (1 + 1e-9)).all()
    assert p_values[0] < p_values[-1]


@LAW
@given(
    kind=st.sampled_from(KINDS[:4]),
    n_rows=st.integers(LEAST_CALIBRATION, 3000),
    fraction=st.floats(1e-9, 0.9),
)
def test_the_offset_is_where_the_p_value_is_the_rate(kind: str, n_rows: int, fraction: float) -> None:
    """Offset and p-value are each other's inverse, and the offset is below all calibration rows."""
    tail = LowerTail.fit(drawn(kind, n_rows))
    offset = tail.offset(fraction * tail.least)
    assert offset < tail.lowest
    assert tail.p_values(np.array([offset]))[0] == pytest.approx(fraction * tail.least, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_next_to_nothing_has_a_finite_offset(kind: str) -> None:
    """However small the rate, the offset is a number that a model file can keep."""
    tail = LowerTail.fit(drawn(kind, 200))
    for rate in (5e-324, 1e-300, 1e-9, 0.999 * tail.least):
        assert np.isfinite(tail.offset(rate))
        assert tail.offset(rate) <= tail.lowest


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_stay_within_reason(kind: str) -> None:
    """No tail is said to end somewhere, nor to be heavier than one whose mean excess is infinite."""
    tail = LowerTail.fit(drawn(kind, 300))
    assert ((tail.shapes >= 0.0) & (tail.shapes <= MAX_SHAPE)).all()
    assert (tail.scales > 0.0).all()
    assert tail.weights.sum() == pytest.approx(1.0)


@LAW
@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_offsets_move_with_the_scores(shift: float, scale: float) -> None:
    """Shifted and scaled scores have a shifted and scaled tail."""
    calibration = drawn("exponential", 400)
    rate = 1e-5
    moved = LowerTail.fit(scale * calibration + shift).offset(rate)
    assert moved == pytest.approx(scale * LowerTail.fit(calibration).offset(rate) + shift, rel=1e-6)


@pytest.mark.parametrize(
    ("law", "least", "most"),
    [(stats.expon(), 0.25, 1.2), (stats.t(5), 0.5, 2.5), (stats.norm(), 0.01, 0.6)],
    ids=["exponential", "Student-t", "Gaussian"],
)
def test_a_tenth_of_the_least_rate_is_roughly_met(
    law: stats.rv_continuous, least: float, most: float
) -> None:
    """Over 300 splits the realised rate is that asked for within a small factor, where nothing is guaranteed.

    Scores are log densities: tails as light as a Gaussian's, which the tail overestimates, are not theirs.
    """
    random = np.random.default_rng(0)
    ratios = []
    for _ in range(300):
        tail = LowerTail.fit(np.sort(-law.rvs(size=500, random_state=random)))
        rate = tail.least / 10.0
        ratios.append(law.sf(-tail.offset(rate)) / rate)
    assert least < np.mean(ratios) < most


def test_too_few_rows_have_no_tail() -> None:
    """The message says how many are wanted."""
    with pytest.raises(InputError, match=f"tail of 39 held-out rows .* needs at least {LEAST_CALIBRATION}"):
        LowerTail.fit(drawn("gaussian", LEAST_CALIBRATION - 1))


@pytest.mark.parametrize("n_others", [0, 5])
def test_scores_that_tie_have_no_tail(n_others: int) -> None:
    """Where nearly all scores are one there are no excesses to learn from."""
    with pytest.raises(InputError, match="their scores are equal; use a false-alarm rate"):
        LowerTail.fit(np.sort(np.r_[-np.arange(1.0, n_others + 1), np.zeros(95)]))


SIZES = st.integers(1, 3000)


@LAW
@given(kind=st.sampled_from(KINDS), n_rows=SIZES, seed=st.integers(0, 99))
def test_severity_never_increases_with_the_score(kind: str, n_rows: int, seed: int) -> None:
    """It is a number from 0, at and above the highest calibration score, to 100."""
    calibration = drawn(kind, n_rows, seed)
    wide = np.geomspace(1e-6, 1e200, 50)
    scores = np.sort(np.r_[calibration, calibration - 1e-3, calibration[0] - wide, calibration[-1] + wide])
    found = severities(scores, calibration)
    assert (np.diff(found) <= 0.0).all()
    assert found.max() <= MAX_SEVERITY
    assert (found[scores >= calibration[-1]] == 0.0).all()
    assert (found >= 0.0).all()
    assert severities(np.array([-1e306]), calibration)[0] > severities(calibration[:1], calibration)[0]


@LAW
@given(kind=st.sampled_from(KINDS[:4]), n_rows=SIZES, seed=st.integers(0, 99))
def test_severity_is_continuous_in_the_score(kind: str, n_rows: int, seed: int) -> None:
    """No calibration score, not even the lowest or the highest, is a step."""
    calibration = drawn(kind, n_rows, seed)
    at = severities(calibration, calibration)
    for side in (-np.inf, np.inf):
        beside = severities(np.nextafter(calibration, side), calibration)
        np.testing.assert_allclose(beside, at, atol=1e-6)


@LAW
@given(kind=st.sampled_from(KINDS[:4]), n_rows=st.integers(LEAST_CALIBRATION, 3000), seed=st.integers(0, 99))
def test_severity_is_the_log_of_a_p_value(kind: str, n_rows: int, seed: int) -> None:
    """It is within one calibration row of the conformal p-value, and that of the tail below all of them."""
    calibration = drawn(kind, n_rows, seed)
    estimated = 10.0 ** (-severities(calibration, calibration) / 10.0)
    conformal = conformal_p_values(calibration, calibration)
    assert (estimated <= conformal + 1e-12).all()
    assert (estimated >= conformal - 1.0 / (n_rows + 1) - 1e-12).all()
    lower = calibration[0] - np.geomspace(1e-3, 10.0, 20)
    n_lowest = int((calibration == calibration[0]).sum())
    wanted = -10.0 * np.log10(n_lowest * tail_p_values(lower, calibration))
    np.testing.assert_allclose(severities(lower, calibration), np.minimum(wanted, MAX_SEVERITY), rtol=1e-9)


@LAW
@given(kind=st.sampled_from(KINDS), n_rows=SIZES, cut=st.integers(0, 60))
def test_severity_depends_on_the_row_alone(kind: str, n_rows: int, cut: int) -> None:
    """A scale gives each row the same bits, whichever rows are beside it."""
    calibration = drawn(kind, n_rows)
    scale, scores = SeverityScale.fit(calibration), calibration[0] + np.linspace(-30.0, 30.0, 61)
    whole = scale.severities(scores)
    parts = [scale.severities(scores[:cut]), scale.severities(scores[cut:])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal([scale.severities(scores[[i]])[0] for i in range(61)], whole)

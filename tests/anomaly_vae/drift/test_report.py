"""Effects, tests and their correction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly_vae.drift.coding import MISSING, N_CODES
from anomaly_vae.drift.report import ColumnDrift, DriftReport, chi_square_tail, difference, holm, shift

stats = pytest.importorskip("scipy.stats")


def counts(*rows: int) -> np.ndarray:
    return np.array([*rows, *[0] * (N_CODES - len(rows))], dtype=np.int64)


def test_the_effect_is_the_share_of_rows_that_would_have_to_be_others():
    assert difference(counts(30, 70), counts(500, 500), "category").effect == pytest.approx(0.2)
    assert difference(counts(30, 70), counts(300, 700), "category").effect == pytest.approx(0.0)
    assert difference(counts(0, 0, 5), counts(300, 700), "category").effect == pytest.approx(1.0)


def test_a_missing_cell_is_a_value_of_its_own():
    now, before = counts(*[10] * 20), counts(*[10] * 20)
    now[MISSING] = 200
    assert difference(now, before, "number").effect == pytest.approx(0.5)


def test_the_test_is_that_of_homogeneity():
    now, before = counts(30, 50, 20), counts(400, 500, 100)
    peer = stats.chi2_contingency(np.stack([now, before])[:, :3])
    assert difference(now, before, "category").p_value == pytest.approx(peer.pvalue)


@pytest.mark.parametrize(("n_rows", "n_calibration"), [(40, 1_000), (1_000, 60), (400, 400)])
def test_p_values_of_still_rows_are_small_as_seldom_as_they_should_be(n_rows, n_calibration):
    """Also where one of the samples is small, and in both kinds of column."""
    random = np.random.default_rng(n_rows)
    shares = random.dirichlet(np.full(30, 0.5))
    for kind in ("number", "category"):
        small = 0
        for _ in range(400):
            both = [counts(*random.multinomial(n, shares).tolist()) for n in (n_rows, n_calibration)]
            small += difference(*both, kind).p_value <= 0.05
        assert small <= stats.binom.ppf(0.999, 400, 0.05)


def test_there_is_no_difference_without_rows():
    assert difference(counts(), counts(5), "number") is None
    assert shift(counts(5), counts()) is None


def test_the_shift_is_signed_and_in_standard_deviations():
    random = np.random.default_rng(0)
    edges = np.linspace(-2.5, 2.5, 60)

    def sample(mean: float) -> np.ndarray:
        return counts(*np.bincount(np.searchsorted(edges, random.normal(mean, 1, 4_000)), minlength=61))

    before = sample(0.0)
    assert shift(sample(0.0), before) == pytest.approx(0.0, abs=0.08)
    assert shift(sample(1.0), before) == pytest.approx(1.0, abs=0.1)
    assert shift(sample(-0.5), before) == pytest.approx(-0.5, abs=0.1)


def test_holms_correction():
    """The example of its definition: ascending p-values times the number that is left, never descending."""
    corrected = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert len(holm(np.empty(0))) == 0


def test_the_likeliest_cause_comes_first():
    """Nats of a column depend on other columns, so that they come last."""
    still = ColumnDrift(name="still", kind="numeric")
    moved = replace(still, drifted=True, effect=0.4)
    columns = (
        replace(moved, name="nats", aspects=("nats",), effect=0.02, since=10),
        replace(moved, name="late", aspects=("values",), since=90),
        still,
        replace(moved, name="by test"),
        replace(moved, name="early", aspects=("values", "nats"), since=50),
    )
    report = DriftReport(
        n_rows=1, n_calibration=1, rate=0.01, alert_rate=0.0, calibration_alert_rate=0.0, since=10,
        columns=columns, score=still,
    )  # fmt: skip
    assert report.moved == ("early", "late", "by test", "nats")
    assert report.drifted
    assert not replace(report, columns=(still,)).drifted


@pytest.mark.parametrize("n_degrees", [1, 2, 3, 10, 11, 200, 255])
def test_the_tail_is_that_of_scipy_for_small_p_values_too(n_degrees):
    statistics = n_degrees * np.array([0.01, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0])
    for statistic in [*statistics, n_degrees + 900.0]:
        expected = stats.chi2.sf(statistic, n_degrees)
        assert chi_square_tail(float(statistic), n_degrees) == pytest.approx(expected, rel=1e-10)
    assert chi_square_tail(0.0, n_degrees) == 1.0
    assert chi_square_tail(1e9, n_degrees) == 0.0

"""Surprises are -log p-values, and the harmonic mean hears whichever is surprised."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae.surprise import ImageCalibration, Statistics, Surprise, harmonic_mean_log_p, shares


def test_a_laplace_sample_is_as_surprising_as_its_tail_is_improbable() -> None:
    """Of many draws of a Laplace law, a share p has a surprise of at least -log p."""
    random = np.random.default_rng(0)
    surprise = Surprise.fit(random.laplace(3.0, 2.0, 20_000))
    p_values = np.exp(-surprise(random.laplace(3.0, 2.0, 20_000)))
    for rate in (0.01, 0.1, 0.5, 0.9):
        assert np.mean(p_values <= rate) == pytest.approx(rate, abs=0.01)


def test_surprise_rises_with_the_statistic() -> None:
    """Below the median and above it, and with no step at the median."""
    surprise = Surprise(1.0, 0.5)
    values = surprise(np.linspace(-5.0, 50.0, 2001))
    assert (np.diff(values) > 0).all()
    assert np.diff(values).max() < 0.06
    assert surprise(np.array([1.0]))[0] == pytest.approx(np.log(2.0))


@pytest.mark.parametrize("statistics", [np.zeros(5), np.full(3, 1e9), np.array([4.0])])
def test_statistics_without_spread_give_finite_surprises(statistics: np.ndarray) -> None:
    """All the same, or only one."""
    assert np.isfinite(Surprise.fit(statistics)(np.array([-1e12, 0.0, 1e12]))).all()


def test_the_harmonic_mean_is_that_of_the_p_values() -> None:
    """The closed form, and shares that sum to one."""
    p = np.array([[0.5, 1e-9, 0.2], [0.25, 0.5, 0.2]])
    logs = [-np.log(row) for row in p]
    assert np.exp(harmonic_mean_log_p(logs)) == pytest.approx(2.0 / (1.0 / p).sum(axis=0))
    assert shares(logs).sum(axis=0) == pytest.approx(np.ones(3))
    assert shares(logs)[0, 1] > 0.999


def test_a_calibration_adds_the_deviations_of_all_statistics() -> None:
    """Either statistic makes the sum more surprising, and only the shape itself the surprise of the shape."""
    random = np.random.default_rng(0)
    usual = Statistics(random.laplace(size=(300, 2)), random.laplace(size=300))
    calibration = ImageCalibration.fit(usual)
    together, shape = calibration(
        Statistics(np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 0.0]]), np.array([0, 0, 9.0]))
    )
    assert together[0] < together[1] < 4 * together[2]
    assert together[0] < together[2]
    assert shape[0] == shape[1] < shape[2]

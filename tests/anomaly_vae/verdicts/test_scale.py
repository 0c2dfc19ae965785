"""Scale: strangeness and standardised features."""

from __future__ import annotations

import numpy as np

from anomaly_vae.states.verdicts import CalibrationRows
from anomaly_vae.verdicts.scale import Scale
from tests.anomaly_vae.verdicts.judged import features, scores


def scale() -> Scale:
    return Scale(CalibrationRows(np.sort(scores(300, 0)), features(300, 0)))


def test_strangeness_is_zero_at_the_median_and_rises_as_scores_fall() -> None:
    """It is one spread's arcsinh at the 16 % quantile."""
    ours = scale()
    values = ours.strangeness(np.array([ours.middle, ours.middle - ours.spread, -1e12]))
    np.testing.assert_allclose(values[:2], [0.0, np.arcsinh(1.0)])
    assert values[2] > 10


def test_one_calibration_row_in_twenty_is_a_priori_more_likely_anomalous() -> None:
    """Above the start."""
    ours, calibration = scale(), scores(300, 0)
    assert (ours.strangeness(calibration) > ours.start).mean() == 0.05


def test_calibration_features_get_mean_zero_and_deviation_one() -> None:
    """Values are from -5 to 5."""
    made = scale().standardised(features(300, 0))
    np.testing.assert_allclose(made.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(made.std(axis=0), 1.0, atol=0.01)
    assert np.abs(scale().standardised(np.float32(1e6) * features(9, 1))).max() == 5.0


def test_constant_features_and_equal_scores_do_not_count() -> None:
    """A single calibration row gives finite numbers too."""
    ours = Scale(CalibrationRows(np.zeros(1), features(1, 0)))
    assert (ours.standardised(features(5, 1)) == 0).all()
    assert np.isfinite([ours.width, ours.start, ours.most, *ours.strangeness(np.array([-1e15]))]).all()
    assert ours.width > 0

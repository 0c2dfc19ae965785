"""ThresholdDisplay: its line is the share of rows that a threshold of each rate flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from anomaly_vae import TabularVAEDetector
from anomaly_vae.displays import ThresholdDisplay
from tests.anomaly_vae.displays.comparing import difference


def test_the_line_has_the_alerts_of_set_threshold(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """At several rates; the band has those at the ends of the interval of the threshold."""
    display = ThresholdDisplay.from_estimator(fitted, fresh)
    rate, offset = fitted.false_alarm_rate_, fitted.offset_
    assert display.false_alarm_rate == rate
    scores = fitted.score_samples(fresh)
    for k in (0, len(display.rates) // 2, -1):
        fitted.set_threshold(false_alarm_rate=float(display.rates[k]))
        assert fitted.threshold_interval_ is not None
        low, high = fitted.threshold_interval_
        drawn = display.low[k], display.alerts[k], display.high[k]
        assert drawn == tuple((scores < end).mean() for end in (low, fitted.offset_, high))
    fitted.set_threshold(false_alarm_rate=rate)
    assert fitted.offset_ == offset


def test_more_false_alarms_are_more_alerts() -> None:
    """Shares rise with the rate, and the band contains the line."""
    random = np.random.default_rng(0)
    display = ThresholdDisplay(random.normal(size=300), random.normal(size=150))
    for values in (display.rates, display.alerts, display.low, display.high):
        assert (np.diff(values) >= 0).all()
    assert (display.low <= display.alerts).all()
    assert (display.alerts <= display.high).all()
    assert display.rates[0] == 1 / 151
    assert display.rates[-1] <= 0.5 + 1e-12


def test_one_calibration_row_is_enough() -> None:
    """It guarantees one rate."""
    display = ThresholdDisplay.from_predictions([-1.0, 2.0], [0.0])
    assert (display.rates.tolist(), display.alerts.tolist()) == ([0.5], [0.5])
    display.figure_.canvas.draw()


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline."""
    random = np.random.default_rng(0)
    display = ThresholdDisplay.from_predictions(
        random.normal(-1.0, 1.5, size=400), random.normal(size=300), false_alarm_rate=0.02
    )
    assert difference(display.figure_, "threshold", tmp_path) is None

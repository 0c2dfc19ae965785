"""Figures in words."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.reports.figures import percent, range_text, threshold_pairs

THRESHOLD = {
    "offset": -12.345,
    "false_alarm_rate": 0.01,
    "tail": "empirical",
    "n_calibration": 1,
    "interval": [None, -3.0],
    "false_alarm_interval": [0.002, 0.031],
}


@pytest.mark.parametrize(
    ("share", "text"), [(None, "none"), (0.0, "0 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (1.0, "100 %")]
)
def test_shares_are_percents(share, text):
    assert percent(share) == text


def test_an_infinite_end_is_no_bound():
    assert range_text([None, 0.5], percent) == "no bound to 50 %"


def test_a_rate_says_whether_it_is_guaranteed_or_estimated():
    pairs = dict(threshold_pairs(THRESHOLD))
    assert pairs["threshold"] == "-12.35 nats; rows that score lower are flagged"
    assert pairs["its 90 % interval"] == "no bound to -3 nats"
    assert pairs["false-alarm rate"] == "1 % (at most, on average over calibrations)"
    assert pairs["90 % interval of the actual rate"] == "0.2 % to 3.1 %"
    estimated = dict(threshold_pairs(THRESHOLD | {"tail": "gpd"}, "image"))
    assert estimated["false-alarm rate"] == "1 % (estimated)"
    assert estimated["calibration"] == "1 held-out image"


def test_what_is_not_known_is_left_out():
    unknown = dict.fromkeys(("false_alarm_rate", "interval", "false_alarm_interval"))
    assert [name for name, _ in threshold_pairs(THRESHOLD | unknown)] == ["threshold", "calibration"]

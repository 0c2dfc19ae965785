"""Which rows count for a rule, and how many normal rows do."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae_pipelines.alerting.rules.base import RuleOptions
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores, Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import ScoreRule
from tests.anomaly_vae_pipelines.alerting.matching import found
from tests.anomaly_vae_pipelines.alerting.streams import scored


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        (Limit(), [True, False, False]),
        (Limit(below=-50.0), [False, True, False]),
        (Limit(p_value=0.01), [False, False, True]),
    ],
)
def test_a_line_is_the_models_or_a_score_or_a_p_value(line, flags):
    """Under a score, strictly; up to a p-value."""
    batch = scored([True, False, False], scores=[-50.0, -50.1, 0.0], p_values=[0.02, 0.02, 0.01])
    assert line.flags(batch).tolist() == flags
    assert [f.at for f in found(ScoreRule(RuleOptions("r"), line), batch)] == [flags.index(True)]


def test_the_rate_of_a_limit_is_the_share_of_normal_rows_that_it_counts():
    """Of 99 held-out rows, with the correction that keeps it above 0; a p-value is its own rate."""
    scores = CalibrationScores(-np.arange(1.0, 100.0), offset=-90.0)
    assert Limit(calibration=scores).rate == pytest.approx((9 + 1) / 100)
    assert Limit(below=-1000.0, calibration=scores).rate == pytest.approx(1 / 100)
    assert Limit(p_value=0.3, calibration=scores).rate == 0.3
    assert Limit().rate is Limit(below=-5.0).rate is None
    assert (scores.least_p_value, CalibrationScores().least_p_value) == (pytest.approx(0.01), None)


def test_the_meaning_of_a_limit_has_the_threshold_of_the_model():
    """Rows that the model flags need no condition beside the word."""
    scores = CalibrationScores(offset=-90.5)
    assert Limit(calibration=scores).meaning == "a score under -90.5 nats (the threshold of the model)"
    assert Limit(below=-5.0).meaning == "a score under -5 nats"
    assert (Limit().condition, Limit(p_value=0.1).condition) == ("", " with p-value up to 0.1")


def test_an_estimated_tail_counts_rows_below_all_held_out_rows():
    """Above the lowest held-out score, the p-value of the model counts."""
    scores = CalibrationScores(np.sort(-np.random.default_rng(0).exponential(size=200)))
    limit = Limit(p_value=1e-4, calibration=scores, tail=scores.tail())
    lowest = float(scores.scores.min())
    batch = scored([False] * 2, scores=[lowest - 50, lowest + 0.1], p_values=[1 / 201, 0.02])
    assert limit.flags(batch).tolist() == [True, False]
    assert 0 < limit.p_value_of(batch, 0) < 1e-4
    assert limit.p_value_of(batch, 1) == 0.02

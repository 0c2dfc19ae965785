"""Decisions: thresholds, p-values and predictions from scores."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.tails import Tail
from anomaly_vae.thresholds import false_alarm_interval, threshold_interval


def test_p_values_agree_with_the_threshold(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """A row is anomalous at a rate exactly when its p-value is at most the rate."""
    rate = 0.1
    moved = copy.deepcopy(fitted).set_threshold(false_alarm_rate=rate)
    assert np.array_equal(moved.predict(fresh) == -1, moved.p_values(fresh) <= rate)


def test_set_threshold_takes_exactly_one_parameter(fitted: TabularVAEDetector) -> None:
    """No parameter, two of them, or one out of range are errors; one alone sets the offset."""
    for wrong in ({}, {"offset": 1.0, "contamination": 0.1}, {"contamination": 0.6}, {"offset": np.nan}):
        with pytest.raises(InputError):
            fitted.set_threshold(**wrong)  # type: ignore[arg-type]
    moved = copy.deepcopy(fitted).set_threshold(offset=-3.2)
    assert (moved.offset_, moved.false_alarm_rate_) == (-3.2, None)


def test_a_rate_is_guaranteed_or_estimated(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Rates that held-out rows can guarantee are guaranteed for either tail; lower rates need "gpd"."""
    least = 1 / (len(fitted.calibration_scores_) + 1)
    guaranteed = copy.deepcopy(fitted).set_threshold(false_alarm_rate=least)
    either = copy.deepcopy(fitted).set_threshold(false_alarm_rate=least, tail="gpd")
    assert (
        (either.offset_, either.tail_)
        == (guaranteed.offset_, guaranteed.tail_)
        == (guaranteed.offset_, "empirical")
    )
    with pytest.raises(InputError, match="cannot be guaranteed from 150 held-out rows; it needs 99,999"):
        guaranteed.set_threshold(false_alarm_rate=1e-5)
    estimated = either.set_threshold(false_alarm_rate=1e-5, tail="gpd")
    assert (estimated.false_alarm_rate_, estimated.tail_) == (1e-5, "gpd")
    assert estimated.offset_ < guaranteed.offset_
    assert estimated.set_threshold(offset=-1.0).tail_ is None


def test_a_guarantee_has_intervals_of_its_threshold_and_its_rate(fitted: TabularVAEDetector) -> None:
    """They follow from the calibration scores and the rate; neither is part of the state."""
    moved = copy.deepcopy(fitted).set_threshold(false_alarm_rate=0.1)
    scores = moved.calibration_scores_
    assert moved.threshold_interval_ == threshold_interval(scores, 0.1)
    assert moved.threshold_interval_[0] <= moved.offset_ <= moved.threshold_interval_[1]
    assert moved.false_alarm_interval_ == false_alarm_interval(len(scores), 0.1)
    assert not {"threshold_interval_", "false_alarm_interval_"} & moved.__getstate__().keys()


def test_only_a_guarantee_has_intervals(fitted: TabularVAEDetector) -> None:
    """An estimated rate, a share of rows, a fence and a fixed score have none."""
    for threshold in (
        {"false_alarm_rate": 1e-5, "tail": "gpd"},
        {"contamination": 0.1},
        {"offset": -3.0},
    ):
        moved = copy.deepcopy(fitted).set_threshold(**threshold)  # type: ignore[arg-type]
        assert (moved.threshold_interval_, moved.false_alarm_interval_) == (None, None)
    assert not hasattr(TabularVAEDetector(), "threshold_interval_")


def test_p_values_of_a_tail_extend_below_the_least(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """They are the conformal p-values, except for rows below all calibration rows, which they distinguish."""
    odd = pd.concat([fresh, fresh.head(5).assign(length=[40.0, 80.0, 160.0, 320.0, 640.0])])
    conformal, estimated = fitted.p_values(odd), fitted.p_values(odd, tail="gpd")
    below = fitted.score_samples(odd) < fitted.calibration_scores_[0]
    assert np.array_equal(conformal[~below], estimated[~below])
    assert below[-5:].all()
    assert (estimated[below] < conformal[below]).all()
    assert len(np.unique(estimated[-5:])) == 5


def test_an_unknown_tail_is_an_error(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """There are two tails; ``tail="gpd"`` needs a false-alarm rate."""
    with pytest.raises(InputError, match="'empirical' or 'gpd', got 'pareto'"):
        fitted.p_values(fresh, tail="pareto")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="estimates a false_alarm_rate, got offset"):
        fitted.set_threshold(offset=0.0, tail="gpd")


@pytest.mark.parametrize("tail", ["empirical", "gpd"])
def test_a_decider_gives_what_the_methods_give(
    fitted: TabularVAEDetector, fresh: pd.DataFrame, tail: Tail
) -> None:
    """To the last bit, also with another threshold."""
    for offset in (None, -1.0):
        found = fitted.decider(offset, tail)(fresh)
        limit = fitted.offset_ if offset is None else offset
        scores = fitted.score_samples(fresh)
        assert np.array_equal(found.scores, scores)
        assert np.array_equal(found.is_anomaly, scores < limit)
        assert np.array_equal(found.p_values, fitted.p_values(fresh, tail))
        assert np.array_equal(found.severities, fitted.severity(fresh))
        assert set(found.offsets) == {limit}

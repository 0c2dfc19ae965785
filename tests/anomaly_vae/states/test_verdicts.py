"""The learning state of a file; one that cannot come from a fit is rejected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError
from anomaly_vae.states.verdicts import MAX_VERDICTS, LearningState, kept_rows
from tests.anomaly_vae.verdicts.judged import N_FEATURES, features, log, taught, untaught


def test_a_state_comes_back() -> None:
    """With and without verdicts."""
    for correction in (untaught(), taught(log(4))):
        state = correction.state.get_state()
        again = LearningState.from_state(state, N_FEATURES)
        assert again.threshold == correction.state.threshold
        for name in ("verdicts", "weights", "times", "scores", "features"):
            np.testing.assert_array_equal(getattr(again.log, name), getattr(correction.log, name))
        np.testing.assert_array_equal(again.alpha, correction.state.alpha)
        np.testing.assert_array_equal(again.calibration.features, correction.state.calibration.features)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdicts", np.zeros(4, np.int8)),
        ("verdicts", np.ones(4, np.int64)),
        ("verdicts", np.ones(3, np.int8)),
        ("verdicts", np.zeros(0, np.int8)),
        ("verdicts", 3),
        ("verdicts", np.ones(MAX_VERDICTS + 1, np.int8)),
        ("weights", np.zeros(4)),
        ("weights", np.full(4, 1e9)),
        ("weights", np.full(4, np.nan)),
        ("times", np.full(4, -1)),
        ("times", np.full(4, 2**60)),
        ("scores", np.full(4, 1e16)),
        ("features", features(4, 0)[:, 1:]),
        ("features", features(4, 0).astype(np.float64)),
        ("features", np.full((4, N_FEATURES), 1e9, np.float32)),
        ("alpha", np.full(4, 100.0)),
        ("alpha", None),
        ("offset", float("nan")),
        ("false_alarm_rate", 2.0),
        ("tail", "gpd"),
        ("more", 1),
    ],
    ids=lambda value: str(value)[:30].replace("\n", " "),
)
def test_verdicts_that_cannot_come_from_learn_are_rejected(name: str, value: Any) -> None:
    """Types, shapes, ranges and names."""
    state = taught(log(4)).state.get_state()
    state["verdicts"] |= {name: value}
    with pytest.raises(ModelFileError):
        LearningState.from_state(state, N_FEATURES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scores", np.array([2.0, 1.0])),
        ("scores", np.zeros(3)),
        ("features", features(200, 0)[:, 1:]),
        ("features", features(201, 0)),
        ("features", features(0, 0)),
        ("features", 3),
        ("verdicts", []),
    ],
    ids=lambda value: str(value)[:30].replace("\n", " "),
)
def test_calibration_rows_that_cannot_come_from_a_fit_are_rejected(name: str, value: Any) -> None:
    """There are scores in order, and features of at most as many rows."""
    with pytest.raises(ModelFileError):
        LearningState.from_state(untaught().state.get_state() | {name: value}, N_FEATURES)


def test_rows_are_kept_at_random_and_always_the_same() -> None:
    """All of them if there is room."""
    np.testing.assert_array_equal(kept_rows(50, 50), np.arange(50))
    some = kept_rows(1000, 100)
    np.testing.assert_array_equal(some, kept_rows(1000, 100))
    assert len(np.unique(some)) == 100
    assert 400 < some.mean() < 600

"""HistoryDisplay: its lines are the history of a fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly_vae import InputError, TabularVAEDetector
from anomaly_vae.displays import HistoryDisplay
from tests.anomaly_vae.displays.comparing import difference


def test_the_lines_are_those_of_the_history(fitted: TabularVAEDetector) -> None:
    """Steps and ELBOs."""
    display = HistoryDisplay.from_estimator(fitted)
    line = display.ax_.get_lines()[0]
    assert line.get_xdata() == pytest.approx(fitted.history_["step"])
    assert line.get_ydata() == pytest.approx(fitted.history_["elbo_train"])


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"step": [1]}, "has 'step' and 'elbo_train', got step"),
        ({}, "got none"),
        ({"step": [1, 2], "elbo_train": [1.0]}, "the same length"),
        ({"step": [1], "elbo_train": [np.nan]}, "elbo_train should be a 1-dimensional array of finite"),
    ],
)
def test_what_is_not_a_history_is_an_error(history: dict[str, list[float]], message: str) -> None:
    """The message has what is missing."""
    with pytest.raises(InputError, match=message):
        HistoryDisplay(history)


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """The baseline, with both lines."""
    steps = np.arange(10, 210, 10)
    train = -20 - 60 * np.exp(-steps / 40)
    history = {"step": steps, "elbo_train": train, "elbo_validation": train - 3}
    assert difference(HistoryDisplay.from_predictions(history).figure_, "history", tmp_path) is None

"""Fitted attributes; those that cannot come from a fit are rejected."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from anomaly_vae import ModelFileError, TabularVAEDetector
from tests.anomaly_vae.detectors.test_members import fit, numbers


@pytest.fixture(scope="module")
def fitted() -> TabularVAEDetector:
    return fit(numbers(80), novelty=True, validation_fraction=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_sklearn_output_config", {"transform": "csv"}),
        ("_sklearn_output_config", {"transform": []}),
        ("_sklearn_output_config", {"transform": "pandas", "predict": "pandas"}),
        ("_sklearn_output_config", "pandas"),
        ("false_alarm_rate_", 5.0),
        ("false_alarm_rate_", 0.0),
        ("calibration_scores_", np.array([9, 1], dtype=np.uint8)),
        ("calibration_scores_", np.array([2.0, 1.0])),
        ("calibration_scores_", np.zeros(0)),
        ("calibration_scores_", np.array([-1e300, 0.0])),
        ("typical_parts_", np.full(5, 1e308)),
        ("n_features_in_", 4.0),
        ("n_features_in_", np.arange(4)),
        ("feature_names_in_", np.array(["a", "b", "c", 4], dtype=object)),
        ("feature_names_in_", np.array(["a", "b"], dtype=object)),
        ("training_", {"n_rows": np.zeros(3)}),
        ("history_", {"step": np.zeros(3), "elbo_train": np.zeros(2)}),
        ("history_", 3),
        ("hidden_sizes", "12"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_attribute_that_cannot_come_from_a_fit_is_rejected(
    fitted: TabularVAEDetector, name: str, value: Any
) -> None:
    """Thresholds, calibration scores, names and summaries must match the model."""
    state = fitted.__getstate__() | {name: value}
    with pytest.raises(ModelFileError):
        TabularVAEDetector().__setstate__(state)


def test_a_state_without_a_tail_is_read(fitted: TabularVAEDetector) -> None:
    """In the first files every rate is guaranteed. An invalid tail is rejected."""
    for model, tail in ((fitted, "empirical"), (copy.deepcopy(fitted).set_threshold(offset=0.0), None)):
        state = model.__getstate__()
        again = TabularVAEDetector.__new__(TabularVAEDetector)
        again.__setstate__({name: value for name, value in state.items() if name != "tail_"})
        assert again.tail_ == model.tail_ == tail
        for forged in ("pareto", 3, "gpd" if tail is None else None):
            with pytest.raises(ModelFileError, match="'tail_' should be one of"):
                again.__setstate__(state | {"tail_": forged})

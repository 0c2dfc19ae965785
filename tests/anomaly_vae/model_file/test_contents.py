"""The contents of a model: its steps and its detector."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import ModelFileError
from anomaly_vae.model_file.contents import (
    build,
    detector_of,
    is_fitted,
    named_types,
    read_model_tree,
    steps_of,
)
from anomaly_vae.model_file.writing import dump
from tests.anomaly_vae import forging


@pytest.mark.parametrize("fitted", [forging.detector, forging.scaled, forging.encoded])
def test_a_model_is_built_again_with_the_same_steps(fitted: Any) -> None:
    """A description has all that a model consists of."""
    model = fitted()
    again = build(read_model_tree(dump(model)))
    assert named_types(again) == named_types(model)
    assert repr(detector_of(again)) == repr(detector_of(model))


def test_the_detector_is_the_last_step() -> None:
    """A bare detector is a model of one step; nothing else at the end is a detector."""
    detector = forging.scaled().steps[-1][1]
    assert detector_of(forging.scaled()) is detector_of(detector) is detector
    assert steps_of(detector) == [("detector", detector)]
    for model in (
        IsolationForest(),
        make_pipeline(StandardScaler(), PCA()),
        make_pipeline(None),
        "model",
        None,
    ):
        assert detector_of(model) is None


def test_an_unfitted_detector_is_not_built() -> None:
    """It has no scores."""
    assert is_fitted(forging.detector())
    assert not is_fitted(forging.untrained())
    with pytest.raises(ModelFileError):
        build(read_model_tree(dump(forging.untrained())))


def test_a_tree_must_be_an_object() -> None:
    """A list of objects is not a model."""
    with pytest.raises(ModelFileError, match="holds a list, not a detector or a Pipeline"):
        read_model_tree(dump([1.0]))

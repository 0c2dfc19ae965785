"""StoredDetector: the attributes of a detector under their own names, and the state that gives them back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.stored import StoredDetector


class State:
    """The state of a model without weights."""

    def get_state(self) -> dict[str, Any]:
        """As a dictionary."""
        return {"weights": ()}


class Model:
    """A model that has a state."""

    state = State()


class Constant(StoredDetector):
    """A detector that gives every row the same score."""

    kind = "Constant"

    def _checked(self, X: Any) -> Any:
        return X

    def _score_samples(self, X: Any) -> NDArray[np.float64]:
        return np.zeros(len(X))

    def _input_metadata(self) -> dict[str, Any]:
        return {"schema": []}


STATE: dict[str, Any] = {
    "model_": {"weights": ()},
    "novelty": True,
    "typical_parts_": np.zeros(2),
    "offset_": -1.0,
    "false_alarm_rate_": None,
    "tail_": None,
    "calibration_scores_": np.zeros(3),
    "latent_dim_": 2,
    "training_": {},
}


def constant() -> Constant:
    """The detector with that state."""
    detector = Constant()
    detector._set(Model(), {"novelty": True}, STATE)
    return detector


def test_attributes_have_their_present_names() -> None:
    """Model files store some under their first name; parameters are not attributes."""
    detector = constant()
    assert detector.typical_contributions_.shape == (2,)  # type: ignore[attr-defined]
    assert not hasattr(detector, "typical_parts_")
    assert not hasattr(detector, "novelty")
    assert (detector.predict(np.zeros((4, 1))) == 1).all()


def test_the_state_comes_back() -> None:
    """With the parameters, the model and the stored names."""
    assert constant()._state() == STATE


def test_the_metadata_name_the_estimator() -> None:
    """And its parameters."""
    metadata = constant().metadata()
    assert metadata["kind"] == "Constant"
    assert metadata["parameters"] == {"novelty": True}
    assert metadata["schema"] == []

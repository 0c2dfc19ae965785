"""StoredDetector: what the scorers of a model file have in common, besides scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from anomaly_vae.decisions import Decisions, Floats, summary
from anomaly_vae.states import fitted


class StoredDetector(Decisions):
    """The attributes of a fitted detector, without its estimator.

    Attributes
    ----------
    kind : str
        The name of the estimator that it stands for.
    """

    kind: str

    model_: Any
    _parameters: dict[str, Any]
    history_: dict[str, Floats]
    n_features_in_: int

    def metadata(self) -> dict[str, Any]:
        """A JSON-serialisable summary of the fitted model: parameters, inputs, training and threshold."""
        return summary(self, self.kind, dict(self._parameters), self._input_metadata())

    @abstractmethod
    def _input_metadata(self) -> dict[str, Any]:
        """The columns, or the size of the images."""

    def _set(self, model: Any, parameters: dict[str, Any], state: Mapping[str, Any]) -> None:
        """Set the model, the parameters, and the fitted attributes of a checked state."""
        self.model_, self._parameters = model, parameters
        names = {stored: name for name, stored in fitted.STORED_NAMES.items()}
        for name, value in state.items():
            if name not in parameters and name != "model_":
                setattr(self, names.get(name, name), value)

    def _state(self) -> dict[str, Any]:
        """The state from which the estimator of the same model is restored."""
        learned = {
            fitted.STORED_NAMES.get(name, name): value
            for name, value in vars(self).items()
            if name != "_parameters"
        }
        return learned | self._parameters | {"model_": self.model_.state.get_state()}

"""The contents of a model: its steps, its detector, and the model that is built from a description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.archive import Entries

if TYPE_CHECKING:
    from anomaly_vae.detectors.image import ImageVAEDetector
    from anomaly_vae.detectors.tabular import TabularVAEDetector
    from anomaly_vae.model_file.tree import Described


def read_model_tree(members: Entries) -> Described:
    """The description of a model; nothing is built yet."""
    from anomaly_vae.model_file.rebuild import ALLOWED
    from anomaly_vae.model_file.tree import Described, read_tree

    root = read_tree(members, ALLOWED)
    if not isinstance(root, Described):
        raise ModelFileError(f"holds a {type(root).__name__}, not a detector or a Pipeline")
    return root


def build(root: Described) -> Any:
    """The model of a description."""
    from anomaly_vae.model_file.rebuild import rebuild

    model = rebuild(root)
    detector = steps_of(model)[-1][1]
    if not is_fitted(detector):
        raise _never_fitted()
    return model


def build_light(root: Described) -> Any:
    """The model of a description, a detector as a ``TableScorer``, ``PerKeyScorer`` or ``ImageScorer``."""
    from anomaly_vae.model_file.rebuild import DETECTORS, KEYED_DETECTOR, TABLE_DETECTOR, check_plain

    if root.name not in DETECTORS:
        return build(root)
    check_plain(root.state)
    if ("shared_" if root.name == KEYED_DETECTOR else "model_") not in root.state:
        raise _never_fitted()
    if root.name == KEYED_DETECTOR:
        from anomaly_vae.per_key_scorer import PerKeyScorer

        return PerKeyScorer.from_state(root.state)
    if root.name == TABLE_DETECTOR:
        from anomaly_vae.scorer import TableScorer

        return TableScorer.from_state(root.state)
    from anomaly_vae.image_scorer import ImageScorer

    return ImageScorer.from_state(root.state)


def detector_of(model: object) -> ImageVAEDetector | TabularVAEDetector | None:
    """The detector of a model: the model itself or the last step of a Pipeline, if that is a detector."""
    from sklearn.pipeline import Pipeline

    from anomaly_vae.model_file.rebuild import DETECTORS

    last: Any = model
    if isinstance(model, Pipeline):
        last = last.steps[-1][1]
    name = f"{type(last).__module__}.{type(last).__qualname__}"
    return last if name in DETECTORS else None


def is_fitted(detector: ImageVAEDetector | TabularVAEDetector) -> bool:
    """Whether a detector is fitted."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(detector)
    except NotFittedError:
        return False
    return True


def steps_of(model: Any) -> list[tuple[str, Any]]:
    """Names and steps of a Pipeline; a bare detector is its own only step."""
    return list(getattr(model, "steps", [("detector", model)]))


def input_names(model: Any) -> tuple[str, ...]:
    """Names of the columns that a model reads; those of a Pipeline are what its first step was fitted on."""
    return tuple(map(str, getattr(model, "feature_names_in_", ())))


def named_types(model: Any) -> list[list[str]]:
    """Name and type of each step; a scorer stands for its detector."""
    return [[name, getattr(step, "kind", type(step).__name__)] for name, step in steps_of(model)]


def _never_fitted() -> ModelFileError:
    return ModelFileError("holds a detector that was never fitted")

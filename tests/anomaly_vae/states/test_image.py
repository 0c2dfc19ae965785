"""States of models and detectors of images; damaged ones are rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anomaly_vae
from anomaly_vae import ImageVAEDetector, ModelFileError
from tests.anomaly_vae.plates import SIDE, plates, scratched


def test_a_saved_model_scores_the_same_bits(image_detector: ImageVAEDetector, tmp_path: Path) -> None:
    """It also has the same heat maps, explanations and metadata."""
    images, _ = scratched(plates(10, 15), 16)
    anomaly_vae.save(image_detector, tmp_path / "model.avae")
    again = anomaly_vae.load(tmp_path / "model.avae")
    assert (again.score_samples(images) == image_detector.score_samples(images)).all()
    assert (again.heatmap(images) == image_detector.heatmap(images)).all()
    assert again.explain(images) == image_detector.explain(images)
    assert again.metadata() == image_detector.metadata()
    assert anomaly_vae.read_metadata(tmp_path / "model.avae")["kind"] == "ImageVAEDetector"


def _break(model: Any, path: str, value: Any) -> None:
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in way:
        model = model[key]
    model[last] = value(model[last]) if callable(value) else value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("size", [SIDE, SIDE + 1]),
        ("size", [2**20, 2**20]),
        ("factor", 0),
        ("pixel_range", [1.0, 0.0]),
        ("per_image", 1),
        ("excess", lambda excess: excess[:-1]),
        ("excess_latent", float("nan")),
        ("whole.noise", lambda noise: -noise),
        ("whole.directions", lambda directions: directions[:, :, :-1]),
        ("whole.variances", lambda variances: variances * np.nan),
        ("patches.mean", lambda mean: mean.astype(object)),
        ("patches.directions", 3),
        ("levels", []),
        ("levels.0.stride", 0),
        ("levels.0.centre", lambda centre: centre[:, :-1]),
        ("levels.0.spread", lambda spread: -1.0 - spread),
        ("levels.0.typical_error", float("inf")),
        ("levels.0.vae", "elsewhere"),
        ("shape.weights", {}),
        ("shape_centre", lambda centre: centre[:-1]),
        ("shape_scale", 0.0),
        ("calibration", [[0.0, 1.0]]),
        ("calibration.0", [0.0, 0.0]),
        ("calibration.0", [0.0]),
        ("unknown", 1),
    ],
)
def test_a_damaged_model_is_rejected(image_detector: ImageVAEDetector, path: str, value: Any) -> None:
    """Each part is checked before anything is computed, and the error is one line."""
    state = image_detector.__getstate__()
    if path == "unknown":
        state["model_"][path] = value
    else:
        _break(state["model_"], path, value)
    with pytest.raises(ModelFileError, match=r"\A[^\n]+\Z"):
        ImageVAEDetector.__new__(ImageVAEDetector).__setstate__(state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_size_", (SIDE, SIDE - 1)),
        ("channels_", 3),
        ("typical_heat_", np.zeros(3)),
        ("heatmap_threshold_", float("nan")),
        ("calibration_scores_", np.array([1.0, 0.0])),
        ("n_features_in_", 5),
        ("flattened_", "no"),
        ("score_type", "best"),
    ],
)
def test_a_damaged_detector_is_rejected(image_detector: ImageVAEDetector, name: str, value: Any) -> None:
    """Attributes of the detector are checked too."""
    state = image_detector.__getstate__() | {name: value}
    with pytest.raises(ModelFileError):
        ImageVAEDetector.__new__(ImageVAEDetector).__setstate__(state)

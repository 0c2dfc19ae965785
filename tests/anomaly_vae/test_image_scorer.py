"""ImageScorer: the scores, decisions and explanations of the detector that was saved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import (
    ImageScorer,
    ImageVAEDetector,
    InputError,
    ModelFileError,
    SchemaError,
    load_scorer,
    save,
)
from tests.anomaly_vae.plates import plates, scratched

Pair = tuple[ImageVAEDetector, ImageScorer]


def scorer_of(detector: ImageVAEDetector, folder: Any) -> ImageScorer:
    """The scorer of the file of a detector."""
    save(detector, folder / "model.avae")
    scorer = load_scorer(folder / "model.avae")
    assert isinstance(scorer, ImageScorer)
    return scorer


@pytest.fixture(scope="module", params=["local", "complexity"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Pair:
    """A detector of each type of score, and the scorer of its file."""
    detector = request.getfixturevalue("image_detector")
    if request.param == "complexity":
        settings: dict[str, Any] = {"score_type": "elbo", "complexity": True, "likelihood": "shared"}
        detector = ImageVAEDetector(max_steps=3, random_state=0, **settings).fit(plates(30, 0))
    return detector, scorer_of(detector, tmp_path_factory.mktemp("scorer"))


def test_results_are_those_of_the_detector(pair: Pair) -> None:
    """To the last bit: both compute them in one way."""
    detector, scorer = pair
    images, _ = scratched(plates(9, 2), 3)
    for name in (
        "score_samples",
        "predict",
        "p_values",
        "severity",
        "elbo",
        "heatmap",
        "score_contributions",
    ):
        np.testing.assert_array_equal(getattr(scorer, name)(images), getattr(detector, name)(images))
    for name in ("encode", "reconstruct"):
        np.testing.assert_array_equal(getattr(scorer, name)(images), getattr(detector, name)(images))
    assert scorer.explain_shares(images) == detector.explain_shares(images)


def test_it_describes_itself_as_the_detector_does(pair: Pair) -> None:
    """Metadata, threshold, size and fitted attributes."""
    detector, scorer = pair
    assert scorer.metadata() == detector.metadata()
    for name in ("image_size", "channels", "image_size_", "channels_", "pixel_range_", "n_features_in_"):
        assert getattr(scorer, name) == getattr(detector, name)
    for name in ("offset_", "tail_", "threshold_interval_", "false_alarm_interval_", "heatmap_threshold_"):
        assert getattr(scorer, name) == getattr(detector, name)
    for name in ("calibration_scores_", "typical_contributions_", "typical_heat_"):
        np.testing.assert_array_equal(getattr(scorer, name), getattr(detector, name))


def test_the_detector_comes_back(pair: Pair) -> None:
    """It has the same parameters, and draws the same images."""
    detector, scorer = pair
    assert scorer.detector().get_params() == detector.get_params()
    np.testing.assert_array_equal(scorer.sample(2, random_state=1), detector.sample(2, random_state=1))


def test_the_form_of_the_images_is_that_of_the_fit(tmp_path: Any) -> None:
    """Flattened images of a frame have its columns, and come back flattened."""
    columns = [f"p{k}" for k in range(64)]
    frame = pd.DataFrame(np.random.default_rng(0).random((12, 64)), columns=columns)
    scorer = scorer_of(ImageVAEDetector(max_steps=2, random_state=0).fit(frame), tmp_path)
    assert (scorer.score_samples(frame) == scorer.score_samples(frame.to_numpy().reshape(12, 8, 8))).all()
    assert scorer.reconstruct(frame).shape == (12, 64)
    with pytest.raises(SchemaError, match="in its order"):
        scorer.score_samples(frame[columns[::-1]])


def test_latents_of_another_width_are_rejected(pair: Pair) -> None:
    """With the width that was wanted."""
    _, scorer = pair
    with pytest.raises(InputError, match=rf"wanted latents \(n_images, {scorer.latent_dim_}\)"):
        scorer.decode(np.zeros((2, scorer.latent_dim_ + 1)))


@pytest.mark.parametrize(
    ("name", "value"), [("score_type", "best"), ("complexity", True), ("offset_", None), ("model_", {})]
)
def test_a_damaged_state_is_rejected(image_detector: ImageVAEDetector, name: str, value: Any) -> None:
    """As the estimator does."""
    with pytest.raises(ModelFileError, match=r"\A[^\n]+\Z"):
        ImageScorer.from_state(image_detector.__getstate__() | {name: value})

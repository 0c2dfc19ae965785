"""Images as arrays: shapes, sizes and units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from anomaly_vae import ImageVAEDetector, InputError
from anomaly_vae.detectors._image_input import learned_range
from tests.anomaly_vae.plates import SIDE, plates


def test_flattened_images_are_the_same_images() -> None:
    """If the size is given, in a Pipeline, for grey and colour images."""
    for channels in (1, 3):
        images = plates(40, 9, channels)
        flat = images.reshape(40, -1)
        settings: dict[str, Any] = {"max_steps": 5, "random_state": 0}
        one = ImageVAEDetector(**settings).fit(images)
        other = make_pipeline(
            FunctionTransformer(), ImageVAEDetector(image_size=(SIDE, SIDE), channels=channels, **settings)
        ).fit(flat)
        assert (one.score_samples(images) == other.score_samples(flat)).all()
        assert one.reconstruct(images).shape == images.shape
        assert other[-1].reconstruct(flat).shape == flat.shape


def test_scores_do_not_depend_on_the_unit_of_brightness() -> None:
    """Bytes and floats in [0, 1] score alike; their densities differ by a factor of 255 per pixel."""
    images = plates(40, 10)
    settings: dict[str, Any] = {"max_steps": 5, "random_state": 0}
    one, other = ImageVAEDetector(**settings).fit(images), ImageVAEDetector(**settings).fit(images / 255.0)
    assert other.score_samples(images / 255.0) == pytest.approx(one.score_samples(images), rel=1e-4)
    difference = other.elbo(images / 255.0) - one.elbo(images)
    assert difference == pytest.approx(np.full(40, SIDE * SIDE * np.log(255.0)), rel=1e-4)


def test_images_that_do_not_match_are_errors(detector: ImageVAEDetector) -> None:
    """The message has the size given, the size wanted and what to do."""
    with pytest.raises(InputError, match=r"40 x 39 pixels.*fitted on 40 x 40 pixels.*resize"):
        detector.score_samples(np.zeros((2, 40, 39)))
    with pytest.raises(InputError, match="channels first"):
        detector.score_samples(np.zeros((2, 3, 40, 40)))
    with pytest.raises(InputError, match="image_size"):
        ImageVAEDetector(image_size=(5, 5)).fit(np.zeros((4, 24)))
    with pytest.raises(InputError, match=r"10 columns, not a multiple of channels=3; check channels"):
        ImageVAEDetector(channels=3).fit(np.zeros((4, 10)))
    with pytest.raises(ValueError, match="NaN"):
        detector.score_samples(np.full((1, SIDE, SIDE), np.nan))
    with pytest.raises(ValueError, match=r"image_size.*\(height, width\)"):
        ImageVAEDetector(image_size=(5, 5, 5)).fit(plates(5, 0))
    with pytest.raises(ValueError, match="score_type='elbo'"):
        ImageVAEDetector(complexity=True).fit(plates(5, 0))


@pytest.mark.parametrize(
    ("images", "wanted"),
    [
        (np.array([3, 9], dtype=np.uint8), (0.0, 255.0)),
        (np.array([3, 9], dtype=np.uint16), (0.0, 65_535.0)),
        (np.array([3, 9], dtype=np.int64), (3.0, 9.0)),
        (np.array([0.2, 0.3]), (0.0, 1.0)),
        (np.array([-0.5, 0.3]), (-0.5, 0.3)),
        (np.array([7.0, 7.0]), (7.0, 8.0)),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_black_and_white_depend_on_the_dtype(
    images: np.ndarray[Any, Any], wanted: tuple[float, float]
) -> None:
    """The range is never empty, also for blank images."""
    assert learned_range(images) == wanted

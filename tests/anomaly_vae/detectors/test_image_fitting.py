"""From images of any size and number to a model."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly_vae import ImageVAEDetector
from tests.anomaly_vae.plates import plates


def test_a_seed_gives_the_same_model_again() -> None:
    """Global random generators are not used."""
    images = plates(30, 11)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 # type: ignore[index,union-attr]
    first, second = (ImageVAEDetector(max_steps=5, random_state=3).fit(images) for _ in range(2))
    assert (first.score_samples(images) == second.score_samples(images)).all()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002 # type: ignore[index]


@pytest.mark.parametrize("shape", [(6, 1, 1), (6, 1, 9), (5, 3, 2), (4, 7, 30, 3), (3, 9, 9, 2)])
def test_small_and_odd_sizes_are_fitted(shape: tuple[int, ...]) -> None:
    """Scores are finite for any number of pixels."""
    images = np.random.default_rng(0).random(shape)
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(images)
    assert np.isfinite(fitted.score_samples(images)).all()
    assert np.isfinite(fitted.heatmap(images)).all()


@pytest.mark.parametrize("n_images", [2, 3, 4])
def test_a_few_images_are_fitted(n_images: int) -> None:
    """Two images suffice: one to train on, one held out."""
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(plates(n_images, 0))
    assert np.isfinite(fitted.score_samples(plates(5, 1))).all()


def test_blank_training_images_give_finite_scores() -> None:
    """Any other image has a lower score."""
    blank = np.full((12, 16, 16), 80, dtype=np.uint8)
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(blank)
    other = fitted.score_samples(blank + np.uint8(5))
    assert np.isfinite(other).all()
    assert other.max() < fitted.score_samples(blank).min()

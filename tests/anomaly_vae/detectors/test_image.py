"""ImageVAEDetector: scores, explanations, heat maps and guarantees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from anomaly_vae import ImageVAEDetector
from tests.anomaly_vae.plates import SIDE, plates, scratched


def auroc(good: NDArray[np.float64], odd: NDArray[np.float64]) -> float:
    """AUROC of scores, where higher is more normal."""
    return float(roc_auc_score(np.r_[np.ones(len(good)), np.zeros(len(odd))], np.r_[good, odd]))


def test_scratches_are_found_and_shown(detector: ImageVAEDetector) -> None:
    """The score finds the images, and the heat map finds the pixels."""
    good = plates(60, 1)
    odd, masks = scratched(plates(60, 2), 3)
    assert auroc(detector.score_samples(good), detector.score_samples(odd)) > 0.97
    assert roc_auc_score(masks.ravel(), detector.heatmap(odd).ravel()) > 0.97
    hot = detector.heatmap(odd) > detector.heatmap_threshold_
    assert hot[masks].mean() > 20 * hot[~masks].mean()


def test_training_improves_the_score_of_shapes() -> None:
    """A trained VAE of gradients separates eights from other digits better than its linear initialisation."""
    digits = load_digits()
    images = ndimage.zoom(digits.images * 15.9, (1, 3, 3), order=1)
    ones, others = images[digits.target == 8], images[digits.target != 8]
    scores = {}
    for steps in (1, 300):
        fitted = ImageVAEDetector(random_state=0, max_steps=steps).fit(ones[:120])
        scores[steps] = auroc(fitted.score_samples(ones[120:]), fitted.score_samples(others))
    assert scores[300] > scores[1]
    assert scores[300] > 0.93


@pytest.mark.parametrize("name", ["detector", "elbo_detector"])
def test_the_score_of_an_image_depends_on_that_image_alone(name: str, request: pytest.FixtureRequest) -> None:
    """It has the same bits one by one, shuffled or all at once."""
    fitted, images = request.getfixturevalue(name), plates(37, 8)
    together = fitted.score_samples(images)
    order = np.random.default_rng(0).permutation(37)
    assert (fitted.score_samples(images[order]) == together[order]).all()
    assert [fitted.score_samples(images[k : k + 1])[0] for k in (0, 20, 36)] == [
        together[k] for k in (0, 20, 36)
    ]


def test_the_guaranteed_false_alarm_rate_holds() -> None:
    """On new images, over several fits."""
    alarms = []
    for seed in range(4):
        fitted = ImageVAEDetector(max_steps=5, random_state=seed).fit(plates(150, 20 + seed))
        fitted.set_threshold(false_alarm_rate=0.1)
        alarms.append(np.mean(fitted.predict(plates(150, 40 + seed)) == -1))
    assert 0.02 < np.mean(alarms) < 0.15


def test_a_few_defects_among_the_training_images_are_tolerated() -> None:
    """With ``novelty=False`` they are left out, and scratches are still found."""
    odd, _ = scratched(plates(12, 12), 13)
    mixed = np.concatenate([plates(108, 0), odd])
    fitted = ImageVAEDetector(novelty=False, max_steps=30, random_state=0).fit(mixed)
    new, _ = scratched(plates(60, 2), 3)
    assert auroc(fitted.score_samples(plates(60, 1)), fitted.score_samples(new)) > 0.93


def test_complexity_corrects_the_likelihood_of_blank_images() -> None:
    """Without it a blank image is more likely than a texture (Nalisnick et al. 2019)."""
    textures = np.random.default_rng(0).normal(110.0, 12.0, (130, SIDE, SIDE))
    textures = ndimage.gaussian_filter(textures, (0, 0.6, 0.6)).astype(np.uint8)
    blank = np.full((1, SIDE, SIDE), 110, dtype=np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, (1, SIDE, SIDE), dtype=np.uint8)
    settings: dict[str, Any] = {"max_steps": 5, "random_state": 0, "score_type": "elbo"}
    plain = ImageVAEDetector(**settings).fit(textures[:100])
    corrected = ImageVAEDetector(complexity=True, **settings).fit(textures[:100])
    assert plain.score_samples(blank)[0] > plain.score_samples(textures[100:]).max()
    worst = corrected.score_samples(textures[100:]).min()
    assert corrected.score_samples(blank)[0] < worst
    assert corrected.score_samples(noise)[0] < worst
    contributions = corrected.score_contributions(textures[100:])
    assert contributions.sum(axis=1) == pytest.approx(corrected.score_samples(textures[100:]))


def test_blank_and_noise_are_anomalies_by_default(detector: ImageVAEDetector) -> None:
    """The local score needs no correction."""
    blank = np.full((1, SIDE, SIDE), 100, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (1, SIDE, SIDE), dtype=np.uint8)
    assert (detector.predict(np.concatenate([blank, noise])) == -1).all()

"""ImageVAEDetector: the face of the tabular one, heat where the defect is, and promises that hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import anomaly_vae
from anomaly_vae import ImageVAEDetector, InputError, ModelFileError
from anomaly_vae.detectors._splits import n_calibration_images

Images = NDArray[Any]

SIDE = 40


def plates(n_images: int, seed: int, channels: int = 0) -> Images:
    """Photographs of plates: texture, a bright rim, light from one side or the other; uint8."""
    random = np.random.default_rng(seed)
    shape = (n_images, SIDE, SIDE, channels) if channels else (n_images, SIDE, SIDE)
    texture = ndimage.gaussian_filter(random.normal(size=shape), (0, 0.7, 2.0, *[0] * bool(channels)))
    light = 1.0 + random.uniform(-0.3, 0.3, (n_images, *[1] * (texture.ndim - 1))) * np.linspace(
        -1, 1, SIDE
    ).reshape(1, 1, SIDE, *[1] * bool(channels))
    rim = np.ones((SIDE, SIDE))
    rim[:3], rim[:, :3] = 1.5, 1.5
    image = 100.0 * (light + 0.15 * texture) * rim.reshape(1, SIDE, SIDE, *[1] * bool(channels))
    return np.clip(image, 0, 255).astype(np.uint8)


def scratched(images: Images, seed: int) -> tuple[Images, NDArray[np.bool_]]:
    """The same with a short dark scratch each, and where it is."""
    random = np.random.default_rng(seed)
    images, masks = images.copy(), np.zeros(images.shape[:3], dtype=bool)
    for image, mask in zip(images, masks, strict=True):
        y, x = random.integers(8, SIDE - 14, 2)
        mask[y : y + 2, x : x + 9] = True
        image[mask] = (0.6 * image[mask]).astype(np.uint8)
    return images, masks


@pytest.fixture(scope="module")
def detector() -> ImageVAEDetector:
    """Fitted on 120 plates."""
    return ImageVAEDetector(max_steps=60, random_state=0).fit(plates(120, 0))


@pytest.fixture(scope="module")
def elbo_detector() -> ImageVAEDetector:
    """The same with the bound for a score."""
    return ImageVAEDetector(max_steps=60, random_state=0, score_type="elbo").fit(plates(120, 0))


def auroc(good: NDArray[np.float64], odd: NDArray[np.float64]) -> float:
    """Of scores, where higher is more normal."""
    return float(roc_auc_score(np.r_[np.ones(len(good)), np.zeros(len(odd))], np.r_[good, odd]))


def test_scratches_are_found_and_shown(detector: ImageVAEDetector) -> None:
    """By the score among images, and by the heat map among pixels."""
    good = plates(60, 1)
    odd, masks = scratched(plates(60, 2), 3)
    assert auroc(detector.score_samples(good), detector.score_samples(odd)) > 0.97
    assert roc_auc_score(masks.ravel(), detector.heatmap(odd).ravel()) > 0.97
    hot = detector.heatmap(odd) > detector.heatmap_threshold_
    assert hot[masks].mean() > 20 * hot[~masks].mean()


def test_explanations_point_at_the_scratch(detector: ImageVAEDetector) -> None:
    """The first place that is named lies within the neighbourhood of the scratch."""
    odd, masks = scratched(plates(20, 4), 5)
    hits = 0
    for reasons, mask in zip(detector.explain(odd), masks, strict=True):
        places = [name for name, nats in reasons if name != "shape" and nats < 0]
        y, x = (int(part.split("=")[1]) for part in places[0].split())
        hits += bool(mask[max(y - 4, 0) : y + 5, max(x - 4, 0) : x + 5].any())
    assert hits >= 18


def test_shapes_are_told_apart_by_training() -> None:
    """A trained VAE of gradients knows an eight from other digits better than its linear start."""
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
def test_parts_sum_to_the_score(name: str, request: pytest.FixtureRequest) -> None:
    """Pixels and the last column together, whichever the score is."""
    fitted = request.getfixturevalue(name)
    odd, _ = scratched(plates(10, 6), 7)
    parts = fitted.score_contributions(odd)
    assert parts.shape == (10, SIDE * SIDE + 1)
    assert parts.sum(axis=1) == pytest.approx(fitted.score_samples(odd), rel=1e-9)


@pytest.mark.parametrize("name", ["detector", "elbo_detector"])
def test_an_image_s_score_depends_on_that_image_alone(name: str, request: pytest.FixtureRequest) -> None:
    """One by one, shuffled or all at once: the same bits."""
    fitted, images = request.getfixturevalue(name), plates(37, 8)
    together = fitted.score_samples(images)
    order = np.random.default_rng(0).permutation(37)
    assert (fitted.score_samples(images[order]) == together[order]).all()
    assert [fitted.score_samples(images[k : k + 1])[0] for k in (0, 20, 36)] == [
        together[k] for k in (0, 20, 36)
    ]


def test_flattened_images_are_the_same_images() -> None:
    """With the size given, in a Pipeline, in grey and in colour."""
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


def test_units_of_brightness_do_not_matter() -> None:
    """Bytes and the same image between 0 and 1 score alike; the density's units differ by 255 a pixel."""
    images = plates(40, 10)
    settings: dict[str, Any] = {"max_steps": 5, "random_state": 0}
    one, other = ImageVAEDetector(**settings).fit(images), ImageVAEDetector(**settings).fit(images / 255.0)
    assert other.score_samples(images / 255.0) == pytest.approx(one.score_samples(images), rel=1e-4)
    difference = other.elbo(images / 255.0) - one.elbo(images)
    assert difference == pytest.approx(np.full(40, SIDE * SIDE * np.log(255.0)), rel=1e-4)


def test_a_seed_gives_the_same_model_again() -> None:
    """And no global generator is drawn from."""
    images = plates(30, 11)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 # type: ignore[index,union-attr]
    first, second = (ImageVAEDetector(max_steps=5, random_state=3).fit(images) for _ in range(2))
    assert (first.score_samples(images) == second.score_samples(images)).all()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002 # type: ignore[index]


def test_the_promised_false_alarm_rate_holds() -> None:
    """On new images, over several fits; training images would promise what does not hold."""
    alarms = []
    for seed in range(4):
        fitted = ImageVAEDetector(max_steps=20, random_state=seed).fit(plates(150, 20 + seed))
        fitted.set_threshold(false_alarm_rate=0.1)
        alarms.append(np.mean(fitted.predict(plates(300, 40 + seed)) == -1))
    assert 0.02 < np.mean(alarms) < 0.15


def test_a_few_defects_among_the_training_images_are_withstood() -> None:
    """With novelty=False they are left out, and scratches are found as before."""
    odd, _ = scratched(plates(12, 12), 13)
    mixed = np.concatenate([plates(108, 0), odd])
    fitted = ImageVAEDetector(novelty=False, max_steps=30, random_state=0).fit(mixed)
    new, _ = scratched(plates(60, 2), 3)
    assert auroc(fitted.score_samples(plates(60, 1)), fitted.score_samples(new)) > 0.93


def test_a_likelihood_prefers_blank_images_and_complexity_mends_it() -> None:
    """The trap of Nalisnick et al. (2019): a blank image is likelier than a texture, until corrected."""
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
    parts = corrected.score_contributions(textures[100:])
    assert parts.sum(axis=1) == pytest.approx(corrected.score_samples(textures[100:]))


def test_blank_and_noise_are_anomalies_by_default(detector: ImageVAEDetector) -> None:
    """The local score needs no correction."""
    blank = np.full((1, SIDE, SIDE), 100, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (1, SIDE, SIDE), dtype=np.uint8)
    assert (detector.predict(np.concatenate([blank, noise])) == -1).all()


def test_drawn_images_look_like_plates(detector: ImageVAEDetector) -> None:
    """Of their size, range and brightness, and from the seed alone."""
    drawn = detector.sample(5, random_state=1)
    assert drawn.shape == (5, SIDE, SIDE)
    assert (drawn == detector.sample(5, random_state=1)).all()
    assert abs(drawn.mean() - plates(30, 1).mean()) < 15.0
    assert drawn[:, :3].mean() > 1.2 * drawn[:, 5:].mean()


def test_codes_come_back(detector: ImageVAEDetector) -> None:
    """Reconstruction is the decoded code, and nearer to the image than the mean is."""
    images = plates(20, 14)
    expected = detector.reconstruct(images)
    assert (expected == detector.decode(detector.encode(images))).all()
    assert np.square(expected - images).mean() < np.square(images.mean(axis=0) - images).mean()


@pytest.mark.parametrize("shape", [(6, 1, 1), (6, 1, 9), (5, 3, 2), (4, 7, 30, 3), (3, 9, 9, 2)])
def test_small_and_odd_sizes_are_fitted(shape: tuple[int, ...]) -> None:
    """However few the pixels, scores are finite."""
    images = np.random.default_rng(0).random(shape)
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(images)
    assert np.isfinite(fitted.score_samples(images)).all()
    assert np.isfinite(fitted.heatmap(images)).all()


@pytest.mark.parametrize("n_images", [2, 3, 4])
def test_a_few_images_are_fitted(n_images: int) -> None:
    """Down to two: one to learn from, one held out."""
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(plates(n_images, 0))
    assert np.isfinite(fitted.score_samples(plates(5, 1))).all()


def test_how_many_images_calibrate_is_known_before_a_fit(detector: ImageVAEDetector) -> None:
    """So that a rate that cannot be promised is refused at once."""
    assert n_calibration_images(120, "auto") == len(detector.calibration_scores_)


def test_blank_training_images_give_finite_scores() -> None:
    """All alike, so that anything else is odder."""
    blank = np.full((12, 16, 16), 80, dtype=np.uint8)
    fitted = ImageVAEDetector(max_steps=3, random_state=0).fit(blank)
    other = fitted.score_samples(blank + np.uint8(5))
    assert np.isfinite(other).all()
    assert other.max() < fitted.score_samples(blank).min()


def test_what_is_no_image_of_that_size_is_refused(detector: ImageVAEDetector) -> None:
    """With what came, what was wanted and the way out."""
    with pytest.raises(InputError, match=r"40 x 39 pixels.*fitted on 40 x 40 pixels.*resize"):
        detector.score_samples(np.zeros((2, 40, 39)))
    with pytest.raises(InputError, match="channels first"):
        detector.score_samples(np.zeros((2, 3, 40, 40)))
    with pytest.raises(InputError, match="image_size"):
        ImageVAEDetector(image_size=(5, 5)).fit(np.zeros((4, 24)))
    with pytest.raises(ValueError, match="NaN"):
        detector.score_samples(np.full((1, SIDE, SIDE), np.nan))
    with pytest.raises(ValueError, match=r"image_size.*\(height, width\)"):
        ImageVAEDetector(image_size=(5, 5, 5)).fit(plates(5, 0))
    with pytest.raises(ValueError, match="score_type='elbo'"):
        ImageVAEDetector(complexity=True).fit(plates(5, 0))


def test_a_saved_model_scores_the_same_bits(detector: ImageVAEDetector, tmp_path: Path) -> None:
    """And explains, draws and says what it is the same."""
    images, _ = scratched(plates(10, 15), 16)
    anomaly_vae.save(detector, tmp_path / "model.avae")
    again = anomaly_vae.load(tmp_path / "model.avae")
    assert (again.score_samples(images) == detector.score_samples(images)).all()
    assert (again.heatmap(images) == detector.heatmap(images)).all()
    assert again.explain(images) == detector.explain(images)
    assert again.metadata() == detector.metadata()
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
def test_a_damaged_model_is_refused(detector: ImageVAEDetector, path: str, value: Any) -> None:
    """Whatever part of it: before anything is computed with it, with one line."""
    state = detector.__getstate__()
    if path == "unknown":
        state["model_"][path] = value
    else:
        _break(state["model_"], path, value)
    with pytest.raises(ModelFileError):
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
def test_a_damaged_detector_is_refused(detector: ImageVAEDetector, name: str, value: Any) -> None:
    """Its own attributes too."""
    state = detector.__getstate__() | {name: value}
    with pytest.raises(ModelFileError):
        ImageVAEDetector.__new__(ImageVAEDetector).__setstate__(state)

"""ImageModel and TorchImages: samples, latents, and weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from anomaly_vae import ImageVAEDetector
from anomaly_vae.detectors._image_model import TorchImages
from tests.anomaly_vae.plates import SIDE, plates
from tests.anomaly_vae.runtime.pictures import CASES, random_model


def test_sampled_images_look_like_the_training_images(detector: ImageVAEDetector) -> None:
    """They have the same size, range and brightness, and depend only on the seed."""
    drawn = detector.sample(5, random_state=1)
    assert drawn.shape == (5, SIDE, SIDE)
    assert (drawn == detector.sample(5, random_state=1)).all()
    assert abs(drawn.mean() - plates(30, 1).mean()) < 15.0
    assert drawn[:, :3].mean() > 1.2 * drawn[:, 5:].mean()


def test_reconstructions_are_decoded_latents(detector: ImageVAEDetector) -> None:
    """A reconstruction is closer to the image than the mean image is."""
    images = plates(20, 14)
    expected = detector.reconstruct(images)
    assert (expected == detector.decode(detector.encode(images))).all()
    assert np.square(expected - images).mean() < np.square(images.mean(axis=0) - images).mean()


def test_the_modules_keep_the_weights() -> None:
    """A state to modules and back is the same state; the VAE of a level stays that of the model."""
    state = random_model(CASES["colours"])
    images = TorchImages.from_state(state, torch.device("cpu"))
    again = images.state(state.pixel_range)
    assert images.levels[0].vae is images.image_vae.patches
    wanted, found = state.get_state(), replace(again, calibration=state.calibration).get_state()
    np.testing.assert_equal(found, wanted)


def test_results_do_not_depend_on_the_number_of_images() -> None:
    """A block is padded, because a GPU may add the numbers of another block in another order."""
    case = CASES["small"]
    images = TorchImages.from_state(random_model(case), torch.device("cpu"))
    x = np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32)
    for name in ("statistics", "terms"):
        alone, together = (getattr(images, name)(some) for some in (x[:1], x))
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one, all_of_them[:1])
    np.testing.assert_array_equal(images.heat(x[:1]), images.heat(x)[:1])

"""Folders and arrays to models."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from anomaly_vae import ImageVAEDetector, load
from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SourceError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.runs.fit import fit_images
from anomaly_vae_pipelines.runs.image_training import asked_frame, training_images
from tests.anomaly_vae_pipelines.image_files import SIZE, plates_of, write_images

QUICK = {"max_steps": 5, "hidden_sizes": [8], "random_state": 0}


def test_a_fit_is_that_of_the_estimator(plates, tmp_path):
    """On the same images, by the same seed."""
    model = str(tmp_path / "m.avae")
    summary = fit_images(str(plates), model, parameters=QUICK)
    assert (summary.n_rows, summary.image, summary.kinds) == (60, (*SIZE, 1), {})
    X = plates_of(60, seed=0)
    expected = ImageVAEDetector(**QUICK).fit(X).score_samples(X[:3])
    assert load(model).score_samples(X[:3]) == pytest.approx(expected)
    with pytest.raises(OutputExistsError):
        fit_images(str(plates), model, parameters=QUICK)


def test_a_false_alarm_rate_is_kept_or_refused(plates, tmp_path):
    """As with tables."""
    model = str(tmp_path / "m.avae")
    summary = fit_images(str(plates), model, parameters=QUICK, false_alarm_rate=0.5)
    assert summary.false_alarm_rate == 0.5
    with pytest.raises(InputError):
        fit_images(str(plates), model, parameters=QUICK, false_alarm_rate=1e-6, force=True)


def test_images_come_in_order_from_a_folder_a_pattern_or_an_array(plates, tmp_path):
    """As one array."""
    expected = plates_of(60, seed=0)
    np.save(tmp_path / "a.npy", expected)
    for train in (str(plates), f"{plates}/train/good/*.png", str(tmp_path / "a.npy")):
        assert (training_images(train, Frame()) == expected).all()


def test_one_image_in_colour_makes_all_of_them_coloured(tmp_path):
    """Whichever it is."""
    write_images(tmp_path, plates_of(3, seed=0))
    Image.new("RGB", SIZE[::-1], (9, 8, 7)).save(tmp_path / "001.png")
    images = training_images(str(tmp_path), Frame())
    assert images.shape == (3, *SIZE, 3)
    assert images[1, 0, 0].tolist() == [9, 8, 7]


@pytest.mark.parametrize("train", ["-", "s3://bucket/images.npy"])
def test_images_are_local(train):
    """A stream or a bucket is refused."""
    with pytest.raises(InputError, match="read only from local files"):
        training_images(train, Frame())


def test_the_first_bad_image_is_named(tmp_path):
    """Of an array by its index."""
    write_images(tmp_path, plates_of(3, seed=0))
    (tmp_path / "001.png").write_bytes(b"")
    with pytest.raises(SourceError, match=r"001\.png: is empty"):
        training_images(str(tmp_path), Frame())
    X = plates_of(3, seed=0).astype(float)
    X[2, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(SourceError, match=r"a\.npy: image 2 contains values that are not finite"):
        training_images(str(tmp_path / "a.npy"), Frame())


def test_parameters_say_what_images_are_to_be():
    """Whether as a pair or as a list of a configuration file."""
    assert asked_frame(ImageVAEDetector()) == Frame()
    for size in ((4, 6), [4, 6]):
        expected = Frame((4, 6), 1, resizes=True, converts_to_grey=True)
        assert asked_frame(ImageVAEDetector(image_size=size, channels=1)) == expected
    for size in ((4,), (0, 4), "4x6"):
        with pytest.raises(InputError, match="'image_size' must be"):
            asked_frame(ImageVAEDetector(image_size=size))

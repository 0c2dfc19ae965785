"""Batch runs over images: a folder to a model, a model to made-up images.

These are the functions that the commands call; each returns a small frozen record of what it did.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.utils._param_validation import InvalidParameterError

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load, save
from anomaly_vae.tails import Tail, check_rate
from pipelines.errors import OutputExistsError, SourceError, UnknownNameError
from pipelines.files import expand, is_url, replacing, shown, write_errors
from pipelines.images.decoding import Pixels, UnreadableImageError, shown_size, strict_reading
from pipelines.images.frame import Frame, in_colour, read_image
from pipelines.images.layouts import ImageFile, is_array_file, single_image, training_files
from pipelines.images.model import is_image_model
from pipelines.overwriting import refuse_overwriting
from pipelines.parallel import in_order
from pipelines.records import FitSummary
from pipelines.sources.arrays import open_array, plain_numbers

MIN_IMAGES = 2
"""Images without which there is nothing to learn."""

Named = tuple[str, Pixels]


def fit_images(
    train: str,
    output: str,
    *,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    false_alarm_rate: float | None = None,
    tail: Tail = "empirical",
    force: bool = False,
) -> FitSummary:
    """Fit a detector on images and save it.

    Parameters
    ----------
    train, output : str
        The folder (of MVTec's layout ``train/good`` is taken), pattern or array, and the model file.
    image_size : (int, int), optional
        Height and width that every image is resized to, now and when it is scored.
    channels : {1, 3}, optional
        Whether every image is turned into grey, or into colour, now and when it is scored.
    parameters : mapping, optional
        Parameters of ImageVAEDetector.
    false_alarm_rate, tail, force
        As of ``fit_file``.

    Raises InputError for images, names and parameters that cannot be used.
    """
    started = time.perf_counter()
    asked = {"image_size": image_size, "channels": channels}
    detector = make_detector(dict(parameters or {}) | {k: v for k, v in asked.items() if v is not None})
    refuse_overwriting({"-o": output}, _training_paths(train))
    with replacing(output, force=force) as temporary:
        images = training_images(train, asked_frame(detector))
        with _as_input_error(train):
            if false_alarm_rate is not None:
                check_rate(false_alarm_rate, detector.n_calibration(len(images)), tail)
            detector.fit(images)
        if false_alarm_rate is not None:
            detector.set_threshold(false_alarm_rate=false_alarm_rate, tail=tail)
        save(detector, temporary)
    return _fit_summary(detector, output, len(images), time.perf_counter() - started)


def sample_images(model: str, output: str, n_images: int, *, seed: int = 0, force: bool = False) -> int:
    """Write images drawn from a model: as an array to an ``.npy``, or as PNG files to a folder.

    Raises InputError for a model of tables, OutputExistsError where something would be replaced.
    """
    refuse_overwriting({"-o": output}, [model])
    detector = load_image_model(model)
    if Path(output).suffix.lower() == ".npy":
        with replacing(output, force=force) as temporary:
            np.save(temporary, detector.sample(n_images, random_state=seed), allow_pickle=False)
        return n_images
    folder = Path(output)
    if folder.suffix or output == "-":
        raise InputError(f"{shown(output)}: images are sampled into a folder, or a file that ends in .npy")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise OutputExistsError(output)
    low, high = detector.pixel_range_
    shares = (detector.sample(n_images, random_state=seed) - low) / (high - low)
    with write_errors(output):
        folder.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(np.rint(255.0 * np.clip(shares, 0.0, 1.0)).astype(np.uint8)):
            Image.fromarray(image).save(folder / f"{number:06}.png")
    return n_images


def load_image_model(model: str) -> ImageVAEDetector:
    """The detector of a file; raises InputError where it is one of tables."""
    detector = load(model)
    if not is_image_model(detector):
        raise InputError(f"{model}: was fitted on a table; wanted a model that was fitted on images")
    return detector


def make_detector(parameters: Mapping[str, Any]) -> ImageVAEDetector:
    """An unfitted detector; raises UnknownNameError for a parameter that is not there."""
    known = ImageVAEDetector().get_params()
    for name in parameters:
        if name not in known:
            raise UnknownNameError(f"the detector of images has no parameter {name!r}", name, known)
    return ImageVAEDetector(**parameters)


def asked_frame(detector: ImageVAEDetector) -> Frame:
    """What the parameters of a detector ask images to be; raises InputError where they make no sense."""
    size, channels = detector.image_size, detector.channels
    if size != "auto" and (isinstance(size, str) or len(size) != 2 or min(size) < 1):
        raise InputError(f"'image_size' must be 'auto' or height and width, got {size!r}")
    if channels not in ("auto", 1, 3):
        raise InputError(f"'channels' must be 'auto', 1 for grey or 3 for colour, got {channels!r}")
    return Frame(
        size=None if isinstance(size, str) else (int(size[0]), int(size[1])),
        channels=None if isinstance(channels, str) else channels,
        resizes=size != "auto",
        turns_grey=channels == 1,
    )


def training_images(train: str, frame: Frame) -> Pixels:
    """The images to learn from as one array, in colour if one of them is.

    Raises SourceError at the first that cannot be read or is not of the size of those before.
    """
    if train == "-" or is_url(train):
        raise InputError(f"{shown(train)}: images are read from local files and folders; copy them there")
    whole = _collected(
        _of_array(train, frame) if is_array_file(train) else _of_files(_training_files(train), frame)
    )
    if len(whole) < MIN_IMAGES:
        raise InputError(f"{train}: wanted at least {MIN_IMAGES} images to learn from, got {len(whole)}")
    return whole


def _training_paths(train: str) -> list[str]:
    """Every file that is learned from."""
    if is_array_file(train) or is_url(train) or train == "-":
        return [train]
    return [file.path for file in _training_files(train)]


def _training_files(train: str) -> list[ImageFile]:
    if Path(train).is_dir():
        return training_files(train)
    return [single_image(path) for path in expand([train])]


def _of_files(files: list[ImageFile], frame: Frame) -> Iterator[Named]:
    with strict_reading():
        yield from in_order(partial(_read, frame), files)


def _of_array(path: str, frame: Frame) -> Iterator[Named]:
    try:
        array = open_array(path)
    except UnreadableImageError as error:
        raise SourceError(path, None, str(error)) from error
    for index, image in enumerate(array):
        try:
            yield path, frame.fit(plain_numbers(np.array(image)))
        except UnreadableImageError as error:
            raise SourceError(path, None, f"image {index} {error}") from error


def _read(frame: Frame, file: ImageFile) -> Named:
    return file.path, read_image(file.path, frame)


def _collected(named: Iterable[Named]) -> Pixels:
    """Images as one array; raises SourceError at the first of another size."""
    first, images = "", list[Pixels]()
    for name, image in named:
        if images and image.shape[:2] != images[0].shape[:2]:
            problem = f"is {_size(image)} pixels, {first} is {_size(images[0])}"
            raise SourceError(
                name, None, f"{problem} (height x width); give --image-size HxW, which resizes every image"
            )
        first = first or name
        images.append(image)
    if len({image.ndim for image in images}) > 1:
        images = [in_colour(image) for image in images]
    return np.stack(images) if images else np.empty((0, 1, 1))


def _size(image: Pixels) -> str:
    return shown_size((image.shape[0], image.shape[1]))


@contextmanager
def _as_input_error(source: str) -> Iterator[None]:
    """What the detector refuses is the user's mistake: in a parameter, or in the images."""
    try:
        yield
    except InputError:
        raise
    except InvalidParameterError as error:
        raise InputError(str(error)) from error
    except ValueError as error:
        raise InputError(f"{source}: cannot be learned from ({error})") from error


def _fit_summary(detector: ImageVAEDetector, output: str, n_images: int, seconds: float) -> FitSummary:
    height, width = detector.image_size_
    return FitSummary(
        model=output,
        n_rows=n_images,
        kinds={},
        seconds=seconds,
        elbo_validation=detector.training_["elbo_validation"],
        offset=detector.offset_,
        false_alarm_rate=detector.false_alarm_rate_,
        tail=detector.tail_,
        image=(height, width, detector.channels_),
    )

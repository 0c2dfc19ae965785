"""ImageTraining: an unfitted image detector, and the images to fit it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_vae.detectors.image import ImageVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.states.parameters import IMAGE_PARAMETERS
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import Pixels, UnreadableImageError, shown_size, strict_reading
from anomaly_vae_pipelines.images.frame import Frame, read_image, to_colour
from anomaly_vae_pipelines.images.layouts import ImageFile, is_array_file, single_image, training_files
from anomaly_vae_pipelines.io.files import display_name, expand, is_url
from anomaly_vae_pipelines.io.parallel import in_order
from anomaly_vae_pipelines.scoring.recipes import check_parameters
from anomaly_vae_pipelines.sources.arrays import checked_values, open_array

MIN_IMAGES = 2
"""The smallest number of images to fit a model on."""

Named = tuple[str, Pixels]


class ImageTraining:
    """Model and data of ``fit_images``.

    Parameters
    ----------
    train : str
        The folder, pattern or array.
    parameters : mapping
        Parameters of ImageVAEDetector; raises UnknownNameError for one that does not exist.
    """

    hint = ""
    reads_blocks = False

    def __init__(self, train: str, parameters: Mapping[str, Any]) -> None:
        self._train = train
        check_parameters(parameters, IMAGE_PARAMETERS, "the image detector")
        self.model = self.detector = ImageVAEDetector(**parameters)

    def paths(self) -> Sequence[str]:
        """Return all image files, or the array."""
        train = self._train
        if is_array_file(train) or is_url(train) or train == "-":
            return [train]
        return [file.path for file in _training_files(train)]

    def data(self) -> Pixels:
        """Return all images as one array; raises InputError if they cannot be read."""
        return training_images(self._train, asked_frame(self.detector))

    def dialect(self) -> None:
        """Images have none."""

    def summary(self) -> dict[str, Any]:
        """Return height, width and channels of the images."""
        height, width = self.detector.image_size_
        return {"kinds": {}, "n_seen": None, "image": (height, width, self.detector.channels_)}


def asked_frame(detector: ImageVAEDetector) -> Frame:
    """Return the frame that the parameters of a detector require; raises InputError if they are not valid."""
    size, channels = detector.image_size, detector.channels
    if size != "auto" and (isinstance(size, str) or len(size) != 2 or min(size) < 1):
        raise InputError(f"'image_size' must be 'auto' or height and width, got {size!r}")
    if channels not in ("auto", 1, 3):
        raise InputError(f"'channels' must be 'auto', 1 for grey or 3 for colour, got {channels!r}")
    return Frame(
        size=None if isinstance(size, str) else (int(size[0]), int(size[1])),
        channels=None if isinstance(channels, str) else channels,
        resizes=size != "auto",
        converts_to_grey=channels == 1,
    )


def training_images(train: str, frame: Frame) -> Pixels:
    """Return the training images as one array, in colour if at least one of them is.

    Raises SourceError for the first image that cannot be read or has another size than those before it.
    """
    if train == "-" or is_url(train):
        raise InputError(
            f"{display_name(train)}: images are read only from local files and folders; copy them to one"
        )
    whole = _collected(
        _of_array(train, frame) if is_array_file(train) else _of_files(_training_files(train), frame)
    )
    if len(whole) < MIN_IMAGES:
        raise InputError(f"{train}: wanted at least {MIN_IMAGES} images to fit on, got {len(whole)}")
    return whole


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
            yield path, frame.fit(checked_values(np.array(image)))
        except UnreadableImageError as error:
            raise SourceError(path, None, f"image {index} {error}") from error


def _read(frame: Frame, file: ImageFile) -> Named:
    return file.path, read_image(file.path, frame)


def _collected(named: Iterable[Named]) -> Pixels:
    """Stack images into one array; raises SourceError for the first of another size."""
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
        images = [to_colour(image) for image in images]
    return np.stack(images) if images else np.empty((0, 1, 1))


def _size(image: Pixels) -> str:
    return shown_size((image.shape[0], image.shape[1]))

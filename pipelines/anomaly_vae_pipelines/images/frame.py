"""Frame: the size and the channels of the images that a model takes, and other images made to fit."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import Pixels, UnreadableImageError, check_size, decode

_CHANNELS = {1: "grey", 3: "colour"}


@dataclass(frozen=True)
class Frame:
    """What images are to be.

    What loses nothing is done: grey becomes colour. What loses something is done only where somebody asked.

    Attributes
    ----------
    size : (int, int) or None
        Height and width; any where None.
    channels : {1, 3} or None
        1 for grey, 3 for colour; either where None.
    resizes : bool
        Whether images of other sizes are resized, or refused.
    turns_grey : bool
        Whether colour is turned into grey where grey is wanted, or refused.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    resizes: bool = False
    turns_grey: bool = False

    @property
    def n_values(self) -> int:
        """Values of one image, as far as is known."""
        height, width = self.size or (256, 256)
        return height * width * (self.channels or 3)

    def read(self, path: str | Path | io.BytesIO) -> Pixels:
        """The image of a file, or of its bytes, made to fit; raises UnreadableImageError."""
        return self.fit(decode(path, None if self.resizes else self.size))

    def fit(self, image: Pixels) -> Pixels:
        """An image (height, width) or (height, width, 3), made to fit; raises UnreadableImageError."""
        image = self._with_channels(image)
        if self.size is None or image.shape[:2] == self.size:
            return image
        if not self.resizes:
            check_size((image.shape[0], image.shape[1]), self.size)
        return resized(image, self.size)

    def _with_channels(self, image: Pixels) -> Pixels:
        channels = 1 if image.ndim == 2 else 3
        if self.channels is None or channels == self.channels:
            return image
        if self.channels == 3:
            return in_colour(image)
        if not self.turns_grey:
            raise UnreadableImageError(
                "mode",
                "is in colour, and the model was fitted on grey images; convert it to grey, or fit with "
                "--channels 1, which turns colour into grey",
            )
        return in_grey(image)


def frame_of(detector: Any) -> Frame:
    """The frame of a fitted detector of images; what its parameters asked for is done to every image."""
    height, width = detector.image_size_
    return Frame(
        size=(int(height), int(width)),
        channels=int(detector.channels_),
        resizes=not isinstance(detector.image_size, str),
        turns_grey=detector.channels == 1,
    )


def read_image(path: str, frame: Frame) -> Pixels:
    """The image of a file, made to fit; raises SourceError, which names it, where it cannot be read."""
    try:
        return frame.read(path)
    except UnreadableImageError as error:
        raise SourceError(path, None, str(error)) from error


def in_colour(image: Pixels) -> Pixels:
    """A grey image (height, width) as (height, width, 3); one in colour as it is."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def in_grey(image: Pixels) -> Pixels:
    """A colour image as its luminance (ITU-R 601-2, as Pillow takes it); a grey one as it is."""
    if image.ndim == 2:
        return image
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).convert("L"))
    return np.asarray(image @ np.array([0.299, 0.587, 0.114], dtype=image.dtype))


def resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    """An image of another height and width, smoothly; it is stretched where the proportions differ."""
    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8:
        return _resized(image, size)
    if image.ndim == 3:
        return np.stack([resized(image[..., k], size) for k in range(image.shape[2])], axis=-1)
    return _resized(image.astype(np.float32), size).astype(image.dtype)


def _resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    height, width = size
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def channel_name(channels: int) -> str:
    """What a number of channels is called."""
    return _CHANNELS[channels]

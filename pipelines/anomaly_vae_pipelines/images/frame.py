"""Frame: size and channels of the images that a model reads, and conversion of other images."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import Pixels, UnreadableImageError, check_size, decode


@dataclass(frozen=True)
class Frame:
    """Required size and channels of images, and permitted conversions.

    A lossless conversion, grey to colour, is always made; others only if they are enabled.

    Attributes
    ----------
    size : (int, int) or None
        Height and width; None for any.
    channels : {1, 3} or None
        1 for grey, 3 for colour; None for either.
    resizes : bool
        Whether images of other sizes are resized; otherwise they are rejected.
    converts_to_grey : bool
        Whether colour is converted to grey if needed; otherwise it is rejected.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    resizes: bool = False
    converts_to_grey: bool = False

    @property
    def n_values(self) -> int:
        """Number of values per image, with assumptions where size or channels are None."""
        height, width = self.size or (256, 256)
        return height * width * (self.channels or 3)

    def read(self, path: str | Path | io.BytesIO) -> Pixels:
        """The converted image of a file, or of its bytes; raises UnreadableImageError."""
        return self.fit(decode(path, None if self.resizes else self.size))

    def fit(self, image: Pixels) -> Pixels:
        """A converted image (height, width) or (height, width, 3); raises UnreadableImageError."""
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
            return to_colour(image)
        if not self.converts_to_grey:
            raise UnreadableImageError(
                "mode",
                "is in colour, and the model was fitted on grey images; convert it to grey, or fit with "
                "--channels 1, which converts colour to grey",
            )
        return to_grey(image)


def frame_of(detector: Any) -> Frame:
    """The frame of a fitted detector of images, with the conversions that its parameters enable."""
    height, width = detector.image_size_
    return Frame(
        size=(int(height), int(width)),
        channels=int(detector.channels_),
        resizes=not isinstance(detector.image_size, str),
        converts_to_grey=detector.channels == 1,
    )


def read_image(path: str, frame: Frame) -> Pixels:
    """The converted image of a file; raises SourceError, which names the file, if it cannot be read."""
    try:
        return frame.read(path)
    except UnreadableImageError as error:
        raise SourceError(path, None, str(error)) from error


def to_colour(image: Pixels) -> Pixels:
    """A grey image (height, width) as (height, width, 3); a colour image is unchanged."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def to_grey(image: Pixels) -> Pixels:
    """The luminance of a colour image (ITU-R 601-2, as in Pillow); a grey image is unchanged."""
    if image.ndim == 2:
        return image
    if image.dtype == np.uint8:
        from PIL import Image

        return np.asarray(Image.fromarray(image).convert("L"))
    return np.asarray(image @ np.array([0.299, 0.587, 0.114], dtype=image.dtype))


def resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    """An image resized with bilinear interpolation; the aspect ratio may change."""
    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8:
        return _resized(image, size)
    if image.ndim == 3:
        return np.stack([resized(image[..., k], size) for k in range(image.shape[2])], axis=-1)
    return _resized(image.astype(np.float32), size).astype(image.dtype)


def _resized(image: Pixels, size: tuple[int, int]) -> Pixels:
    height, width = size
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))

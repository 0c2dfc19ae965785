"""Decoding: an image file to pixels as an image viewer shows them, or an error that states the problem.

Grey images have shape (height, width), colour images (height, width, 3). They are uint8, or float32 in
0..255 if the file has more than eight bits. Images that cannot be represented without loss, such as
transparent or animated ones, are rejected.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Suffixes of image files."""

# Others, some of which run external programs, are not used. The JPEG reader also reads MPO files of cameras,
# which contain a photo followed by previews.
_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
_GREY, _GREY_16 = frozenset({"1", "L"}), frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_COLOURS = frozenset({"RGB", "RGBX", "CMYK", "YCbCr", "HSV"})
_ORIENTATION = 0x0112
_TRANSPOSED = frozenset({5, 6, 7, 8})
_MOST_16 = 65_535.0

Pixels = NDArray[Any]


class UnreadableImageError(Exception):
    """An image cannot be read; the message has the problem and a remedy, but not the name of the file.

    Attributes
    ----------
    kind : str
        Kind of problem, for counting.
    """

    def __init__(self, kind: str, problem: str) -> None:
        self.kind = kind
        super().__init__(problem)


@contextmanager
def strict_reading() -> Iterator[None]:
    """In this context, Pillow raises an error for too many pixels, and its other warnings are ignored.

    Warning filters are global: enter the context before other threads are started.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(path: str | Path | io.BytesIO, size: tuple[int, int] | None = None) -> Pixels:
    """The pixels of an image file, upright, of shape (height, width) or (height, width, 3).

    Parameters
    ----------
    path : str, Path or BytesIO
        A file, or its bytes in memory.
    size : (int, int), optional
        Required height and width; another size is rejected before its pixels are read.

    Raises
    ------
    UnreadableImageError
        If the file is not an image, or is damaged, transparent, animated, too large or of another size.
    """
    from PIL import Image, ImageOps

    try:
        with _opened(path) as image:
            _check(image, size)
            return _pixels(ImageOps.exif_transpose(image))
    except UnreadableImageError:
        raise
    except FileNotFoundError:
        raise UnreadableImageError("file", "file not found") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except Exception as error:  # for damaged files, Pillow's readers raise almost any exception
        raise _damaged(path, error) from error


def upright_size(path: str | Path) -> tuple[int, int]:
    """Height and width of a readable image file, upright."""
    with _opened(path) as image:
        return _upright_size(image)


def _opened(path: str | Path | io.BytesIO) -> Image.Image:
    """The image of a file, whose pixels are not read yet."""
    # Pillow knows the readers that are imported.
    from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    del BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
    return Image.open(path, formats=_FORMATS)


def _check(image: Image.Image, size: tuple[int, int] | None) -> None:
    """Check frames and size, which the header of a file contains."""
    from PIL import Image

    if Image.MAX_IMAGE_PIXELS is not None and image.width * image.height > Image.MAX_IMAGE_PIXELS:
        raise _too_large()
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1 and image.format != "MPO":
        raise UnreadableImageError(
            "frames", f"contains {n_frames} images (an animation or pages); save each to a separate file"
        )
    if size is not None:
        check_size(_upright_size(image), size)


def check_size(got: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Raise UnreadableImageError if height and width are not the required ones."""
    if got != wanted:
        raise UnreadableImageError(
            "size",
            f"is {shown_size(got)} pixels (height x width), wanted {shown_size(wanted)}; resize it, or fit "
            f"with --image-size {shown_size(wanted).replace(' ', '')}, which resizes every image",
        )


def shown_size(size: tuple[int, int]) -> str:
    """Height and width as text for messages."""
    return f"{size[0]} x {size[1]}"


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width after rotation by the EXIF orientation."""
    if image.getexif().get(_ORIENTATION) in _TRANSPOSED:
        return image.width, image.height
    return image.height, image.width


def _opaque(image: Image.Image) -> Image.Image:
    """The image without its alpha channel, which must be fully opaque."""
    if not image.has_transparency_data:
        return image
    with_alpha = image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
    if np.asarray(with_alpha.getchannel("A")).min() < 255:
        raise UnreadableImageError(
            "transparency", "is partly transparent, and its background is unknown; save it without alpha"
        )
    return with_alpha.convert("L" if with_alpha.mode == "LA" else "RGB")


def _pixels(image: Image.Image) -> Pixels:
    if image.mode in _GREY_16:
        return _eight_bits(np.asarray(image))
    plain = _opaque(image)
    if image.mode in ("P", "PA"):
        return _palette_pixels(np.asarray(plain.convert("RGB")))
    if plain.mode in _GREY:
        return np.asarray(plain.convert("L"))
    if plain.mode in _COLOURS:
        return np.asarray(plain.convert("RGB"))
    raise UnreadableImageError(
        "mode", f"has pixels of mode {image.mode!r}; wanted 8-bit grey or colour, or 16-bit grey"
    )


def _eight_bits(wide: Pixels) -> Pixels:
    """16-bit grey on the scale of 8 bits, as float32."""
    if wide.min() < 0 or wide.max() > _MOST_16:
        raise UnreadableImageError("mode", "has grey values outside 16 bits; wanted 0 to 65535")
    return np.asarray(wide * (255.0 / _MOST_16), dtype=np.float32)


def _palette_pixels(colour: Pixels) -> Pixels:
    """The pixels of a palette image, which is grey if all its colours are grey."""
    first = colour[..., 0]
    return first if (colour == first[..., None]).all() else colour


def _too_large() -> UnreadableImageError:
    from PIL import Image

    return UnreadableImageError(
        "too large", f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels; split it into tiles or resize it"
    )


def _damaged(path: str | Path | io.BytesIO, error: Exception) -> UnreadableImageError:
    if isinstance(error, PermissionError | IsADirectoryError):
        return UnreadableImageError("file", f"cannot be opened ({error.strerror})")
    if _is_empty(path):
        return UnreadableImageError("damaged", "is empty; wanted an image")
    if type(error).__name__ == "UnidentifiedImageError":  # of Pillow
        formats = "PNG, JPEG, WebP, BMP or TIFF"
        return UnreadableImageError("damaged", f"is not a {formats} image, despite its suffix")
    why = " ".join(str(error).split())[:100] or type(error).__name__
    return UnreadableImageError("damaged", f"is damaged or truncated ({why})")


def _is_empty(path: str | Path | io.BytesIO) -> bool:
    if isinstance(path, io.BytesIO):
        return not path.getbuffer().nbytes
    return Path(path).exists() and not Path(path).stat().st_size

"""ArraySource: an ``.npy`` or ``.npz`` file whose rows are images; pickles are not loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.images.decoding import Pixels, UnreadableImageError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import ImageFile
from anomaly_vae_pipelines.sources.images import BLOCK_VALUES, FILE_COLUMN, INDEX_COLUMN, FrameSource

MAX_NPZ_BYTES = 1 << 31
"""Largest array of an ``.npz`` in bytes, as it must be decompressed as a whole."""

_SHAPES = "(n, height, width), (n, height, width, 1) or (n, height, width, 3)"


class ArraySource(FrameSource):
    """The images of one array file; an ``.npy`` is memory-mapped. Use it as a context manager.

    A file that is not a valid array is one row, which is rejected when it is read.

    Parameters
    ----------
    path : str
    frame : Frame
        Size and channels of the images.
    block_values : int
        Maximum number of values per block; one image is always allowed.
    """

    columns = (FILE_COLUMN, INDEX_COLUMN)

    def __init__(self, path: str, frame: Frame, *, block_values: int = BLOCK_VALUES) -> None:
        try:
            contents: Any = open_array(path)
        except UnreadableImageError as error:
            contents = [error]
        super().__init__(path, frame, contents, block_values)

    def __exit__(self, *_: object) -> None:
        self._contents = ()

    def _n_bytes(self, end: int) -> int:
        return Path(self.name).stat().st_size * end // len(self._contents)

    def _file(self, content: Any) -> ImageFile:
        return ImageFile(self.name, self.name, 0)

    def _pixels(self, content: NDArray[Any] | UnreadableImageError, number: int) -> Pixels:
        if isinstance(content, UnreadableImageError):
            raise content
        try:
            return self._frame.fit(checked_values(np.array(content)))
        except UnreadableImageError as error:
            raise UnreadableImageError(error.kind, f"image {number - 1} {error}") from error


def open_array(path: str) -> NDArray[Any]:
    """The images of a file, of shape (n, height, width) or (n, height, width, 3).

    An ``.npy`` is memory-mapped. Raises UnreadableImageError if the file has no such array.
    """
    try:
        is_npz = Path(path).suffix.lower() == ".npz"
        array: NDArray[Any] = _from_npz(path) if is_npz else np.lib.format.open_memmap(path, mode="r")
    except UnreadableImageError:
        raise
    except (ValueError, TypeError, SyntaxError, OSError, EOFError, MemoryError, zipfile.error) as error:
        raise UnreadableImageError("damaged", _reason(error)) from error
    return _as_images(array)


def _from_npz(path: str) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) != 1:
            names = ", ".join(member.filename.removesuffix(".npy") for member in members[:4])
            more = ", ..." if len(members) > 4 else ""
            raise UnreadableImageError(
                "arrays", f"contains {len(members)} arrays ({names}{more}); wanted one, save it as .npy"
            )
        if members[0].file_size > MAX_NPZ_BYTES:
            raise UnreadableImageError(
                "too large",
                f"decompresses to more than {MAX_NPZ_BYTES:,} bytes; save it as .npy, which is read in parts",
            )
        with archive.open(members[0]) as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array


def _as_images(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "buif":
        problem = f"has dtype {array.dtype}; wanted integers or floats"
        raise UnreadableImageError("array", problem)
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)) or 0 in array.shape[1:]:
        raise UnreadableImageError("array", f"has shape {array.shape}; wanted images of shape {_SHAPES}")
    return array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array


def checked_values(image: NDArray[Any]) -> NDArray[Any]:
    """An image of 8 or 16 bits, or as float64; raises UnreadableImageError if a value is not finite."""
    if image.dtype in (np.uint8, np.uint16):
        return image
    image = image.astype(np.float64)
    if not np.isfinite(image).all():
        raise UnreadableImageError("values", "contains values that are not finite; replace them")
    return image


def _reason(error: BaseException) -> str:
    text = str(error)
    if "allow_pickle" in text or "Python objects" in text:
        return "contains Python objects (a pickle), which are not loaded; save plain numbers"
    if isinstance(error, FileNotFoundError):
        return "file not found"
    why = " ".join(text.split())[:100] or type(error).__name__
    return f"is not a NumPy array, or is damaged ({why})"

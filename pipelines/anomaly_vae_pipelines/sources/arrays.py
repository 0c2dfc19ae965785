"""ArraySource: an ``.npy`` or ``.npz`` file whose rows are images; pickles are not loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae_pipelines.images.decoding import UnreadableImageError
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.records import ImageRows, Rejected
from anomaly_vae_pipelines.sources.blocks import Block, Read, SourcePosition
from anomaly_vae_pipelines.sources.images import (
    BLOCK_VALUES,
    FILE_COLUMN,
    INDEX_COLUMN,
    images_per_block,
    stacked,
)

MAX_NPZ_BYTES = 1 << 31
"""Largest array of an ``.npz`` in bytes, as it must be decompressed as a whole."""

_SHAPES = "(n, height, width), (n, height, width, 1) or (n, height, width, 3)"


class ArraySource:
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

    header = b""
    columns: tuple[str, ...] = (FILE_COLUMN, INDEX_COLUMN)

    def __init__(self, path: str, frame: Frame, *, block_values: int = BLOCK_VALUES) -> None:
        self.name, self._frame = path, frame
        self._step = images_per_block(frame, block_values)
        self._images: NDArray[Any] | None = None
        self._problem: UnreadableImageError | None = None
        try:
            self._images = open_array(path)
        except UnreadableImageError as error:
            self._problem = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._images = None

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on; one block for a file that is not a valid array."""
        first = start.offset if start is not None else 0
        size = Path(self.name).stat().st_size
        n_images = 1 if self._images is None else len(self._images)
        for begin in range(first, n_images, self._step):
            end = min(begin + self._step, n_images)
            content = None if self._images is None else self._images[begin:end]
            yield Block(
                content, SourcePosition(begin, begin), SourcePosition(end, end), size * end // n_images
            )

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """The images of a block, with the file and the index as columns."""
        if self._problem is not None:
            rejected_row = self._rejected(1, self._problem.kind, str(self._problem))
            return Read(self._rows([], [], wanted, whole), [rejected_row])
        images, indices, rejected = [], [], []
        for index, image in enumerate(block.content, start=block.start.offset):
            try:
                images.append(self._frame.fit(checked_values(np.array(image))))
                indices.append(index)
            except UnreadableImageError as error:
                rejected.append(self._rejected(index + 1, error.kind, f"image {index} {error}"))
        return Read(self._rows(images, indices, wanted, whole), rejected)

    def empty(self) -> Block:
        """A block without images."""
        return Block([], SourcePosition(), SourcePosition())

    def _rows(
        self, images: list[NDArray[Any]], indices: list[int], wanted: Sequence[str], whole: bool
    ) -> ImageRows:
        files = pa.array([self.name] * len(indices), pa.string())
        columns = pa.table({FILE_COLUMN: files, INDEX_COLUMN: pa.array(indices, pa.int64())})
        table = columns.select([name for name in wanted if name in self.columns])
        numbers = np.array(indices, dtype=np.int64) + 1
        stack, paths = stacked(images, self._frame), (self.name,) * len(indices)
        rest = columns if whole else None
        return ImageRows(self.name, self.columns, table, numbers, whole=rest, images=stack, paths=paths)

    def _rejected(self, number: int, kind: str, reason: str) -> Rejected:
        return Rejected(self.name, number, kind, reason, self.name.encode(), is_image=True)


def open_array(path: str) -> NDArray[Any]:
    """The images of a file, of shape (n, height, width) or (n, height, width, 3).

    An ``.npy`` is memory-mapped. Raises UnreadableImageError if the file has no such array.
    """
    try:
        array = _from_npz(path) if Path(path).suffix.lower() == ".npz" else _from_npy(path)
    except UnreadableImageError:
        raise
    except (ValueError, TypeError, SyntaxError, OSError, EOFError, MemoryError, zipfile.error) as error:
        raise UnreadableImageError("damaged", _reason(error)) from error
    return _as_images(array)


def _from_npy(path: str) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    return array


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

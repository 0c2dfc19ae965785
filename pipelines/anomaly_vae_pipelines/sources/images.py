"""ImageSource: image files as rows, read in blocks; files that cannot be read are rejected rows."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae_pipelines.images.decoding import UnreadableImageError, strict_reading
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import ImageFile
from anomaly_vae_pipelines.records import ImageRows, Rejected
from anomaly_vae_pipelines.sources.blocks import Block, Read, SourcePosition

BLOCK_VALUES = 1 << 20
"""Values per block of images; a pixel has one value or three."""

FILE_COLUMN, INDEX_COLUMN = "file", "index"


class ImageSource:
    """Image files in order; each image is a row. Use it as a context manager.

    Parameters
    ----------
    name : str
        Their name in messages.
    files : sequence of ImageFile
    frame : Frame
        Size and channels of the images.
    block_values : int
        Maximum number of values per block; one image is always allowed.
    """

    header = b""
    columns: tuple[str, ...] = (FILE_COLUMN,)

    def __init__(
        self, name: str, files: Sequence[ImageFile], frame: Frame, *, block_values: int = BLOCK_VALUES
    ) -> None:
        self.name, self._files, self._frame = name, files, frame
        self._step = images_per_block(frame, block_values)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(strict_reading())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on; this opens no file."""
        first = start.offset if start is not None else 0
        n_bytes = sum(file.n_bytes for file in self._files[:first])
        for begin in range(first, len(self._files), self._step):
            files = self._files[begin : begin + self._step]
            end = begin + len(files)
            n_bytes += sum(file.n_bytes for file in files)
            yield Block(files, SourcePosition(begin, begin), SourcePosition(end, end), n_bytes)

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """The images of a block, with their names as a column."""
        images, kept, numbers, rejected = [], list[ImageFile](), [], []
        for number, file in enumerate(block.content, start=block.start.offset + 1):
            try:
                images.append(self._frame.read(file.path))
            except UnreadableImageError as error:
                rejected.append(_rejected(file, number, error))
            else:
                kept.append(file)
                numbers.append(number)
        table = pa.table({FILE_COLUMN: pa.array([file.name for file in kept], pa.string())})
        rows = ImageRows(
            self.name,
            self.columns,
            table.select([name for name in wanted if name in self.columns]),
            np.array(numbers, dtype=np.int64),
            whole=table if whole else None,
            images=stacked(images, self._frame),
            paths=tuple(file.path for file in kept),
        )
        return Read(rows, rejected)

    def empty(self) -> Block:
        """A block without images."""
        return Block([], SourcePosition(), SourcePosition())


def images_per_block(frame: Frame, block_values: int = BLOCK_VALUES) -> int:
    """The number of images per block, which depends only on the model."""
    return max(1, block_values // frame.n_values)


def stacked(images: Sequence[NDArray[Any]], frame: Frame) -> NDArray[Any]:
    """Images of one frame as one array, which may be empty."""
    if images:
        return np.stack(images)
    height, width = frame.size or (0, 0)
    return np.empty((0, height, width) if frame.channels == 1 else (0, height, width, 3), dtype=np.uint8)


def _rejected(file: ImageFile, number: int, error: UnreadableImageError) -> Rejected:
    return Rejected(file.path, number, error.kind, str(error), file.name.encode(), is_image=True)

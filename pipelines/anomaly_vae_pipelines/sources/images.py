"""ImageSource: image files as rows, read in blocks; files that cannot be read are rejected rows."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.images.decoding import Pixels, UnreadableImageError, strict_reading
from anomaly_vae_pipelines.images.frame import Frame
from anomaly_vae_pipelines.images.layouts import ImageFile
from anomaly_vae_pipelines.records import ImageRows, Rejected
from anomaly_vae_pipelines.sources.blocks import Block, Read, Source, SourcePosition

BLOCK_VALUES = 1 << 20
"""Values per block of images; a pixel has one value or three."""

FILE_COLUMN, INDEX_COLUMN = "file", "index"

_CELL_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


class FrameSource(Source):
    """The common part of image files and arrays: images of one frame, each of which is a row."""

    def __init__(self, name: str, frame: Frame, contents: Sequence[Any], block_values: int) -> None:
        self.name, self._frame, self._contents = name, frame, contents
        self._step = images_per_block(frame, block_values)
        self._stack = ExitStack()

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks from a position on; this opens no file."""
        first = start.offset if start is not None else 0
        for begin in range(first, len(self._contents), self._step):
            contents = self._contents[begin : begin + self._step]
            end = begin + len(contents)
            yield Block(contents, SourcePosition(begin, begin), SourcePosition(end, end), self._n_bytes(end))

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """The images of a block, with the columns that identify them."""
        images, files, kept, rejected = [], list[ImageFile](), list[int](), list[Rejected]()
        for number, content in enumerate(block.content, start=block.start.offset + 1):
            file = self._file(content)
            try:
                images.append(self._pixels(content, number))
            except UnreadableImageError as error:
                name = file.name.encode()
                rejected.append(Rejected(file.path, number, error.kind, str(error), name, is_image=True))
            else:
                files.append(file)
                kept.append(number)
        numbers = np.array(kept, dtype=np.int64)
        names = arrow_texts([file.name for file in files])
        cells = {FILE_COLUMN: names, INDEX_COLUMN: arrow_numbers(numbers - 1)}
        table = pa.table({name: cells[name] for name in self.columns})
        rows = ImageRows(
            self.name,
            self.columns,
            table.select([name for name in wanted if name in self.columns]),
            numbers,
            whole=table if whole else None,
            images=stacked(images, self._frame),
            paths=tuple(file.path for file in files),
        )
        return Read(rows, rejected)

    def empty(self) -> Block:
        """A block without images."""
        return Block([])

    @abstractmethod
    def _n_bytes(self, end: int) -> int:
        """Bytes on disk of the first ``end`` images."""

    @abstractmethod
    def _file(self, content: Any) -> ImageFile:
        """The file of an image."""

    @abstractmethod
    def _pixels(self, content: Any, number: int) -> Pixels:
        """The pixels of an image; raises UnreadableImageError."""


class ImageSource(FrameSource):
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

    columns = (FILE_COLUMN,)

    def __init__(
        self, name: str, files: Sequence[ImageFile], frame: Frame, *, block_values: int = BLOCK_VALUES
    ) -> None:
        super().__init__(name, frame, files, block_values)
        self._sizes = list(accumulate(file.n_bytes for file in files))

    def __enter__(self) -> Self:
        self._stack.enter_context(strict_reading())
        return self

    def _n_bytes(self, end: int) -> int:
        return self._sizes[end - 1]

    def _file(self, content: ImageFile) -> ImageFile:
        return content

    def _pixels(self, content: ImageFile, number: int) -> Pixels:
        return self._frame.read(content.path)


class CellSource(FrameSource):
    """Images in the cells of a table, as bytes of a file or as paths of files.

    Parameters
    ----------
    name : str
        Its name in messages.
    frame : Frame
        Size and channels of the images.
    table : pyarrow.Table
        One column of binary or text.
    block_values : int
        As in ``ImageSource``.

    Raises
    ------
    SourceError
        For a table with other columns.
    """

    columns = (FILE_COLUMN,)

    def __init__(self, name: str, frame: Frame, table: pa.Table, *, block_values: int = BLOCK_VALUES) -> None:
        types = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        if table.num_columns != 1 or not any(is_type(table.schema[0].type) for is_type in _CELL_TYPES):
            raise SourceError(
                name, None, f"wanted one column of images, as paths (text) or bytes (binary), got {types}"
            )
        super().__init__(name, frame, table.column(0).to_pylist(), block_values)

    def __enter__(self) -> Self:
        self._stack.enter_context(strict_reading())
        return self

    def _n_bytes(self, end: int) -> int:
        return 0

    def _file(self, content: str | bytes | None) -> ImageFile:
        path = content if isinstance(content, str) else self.name
        return ImageFile(path, path, 0)

    def _pixels(self, content: str | bytes | None, number: int) -> Pixels:
        if content is None:
            raise UnreadableImageError("file", "is missing; wanted a path or the bytes of an image")
        return self._frame.read(io.BytesIO(content) if isinstance(content, bytes) else content)


def images_per_block(frame: Frame, block_values: int = BLOCK_VALUES) -> int:
    """The number of images per block, which depends only on the model."""
    return max(1, block_values // frame.n_values)


def stacked(images: Sequence[NDArray[Any]], frame: Frame) -> NDArray[Any]:
    """Images of one frame as one array, which may be empty."""
    if images:
        return np.stack(images)
    height, width = frame.size or (0, 0)
    return np.empty((0, height, width) if frame.channels == 1 else (0, height, width, 3), dtype=np.uint8)

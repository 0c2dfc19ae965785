"""The interface of sources: blocks in order, each a piece of a file that can be parsed independently.

Splitting a file into blocks is fast and done by one thread; parsing a block is slow and done by any thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Container, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rejected, Rows

NO_CLUSTERS = "can only be read from its start: wanted Parquet, or CSV or JSON Lines that is a plain file"

BLOCK_BYTES = 1 << 20
"""Bytes per block of text: a few thousand rows, which fit into the cache of a core."""


@dataclass(frozen=True)
class SourcePosition:
    """A position between two rows of a file: the number of bytes (Parquet: rows) and lines before it."""

    offset: int = 0
    line: int = 0


@dataclass(frozen=True)
class Block:
    """A piece of a file.

    Attributes
    ----------
    content : bytes, array or table
        Data for the ``read`` of its source.
    start, end : SourcePosition
        Where it starts, and where the next one starts. The same start gives the same block.
    n_bytes : int
        Bytes of the file on disk up to its end, as far as this is known.
    """

    content: Any
    start: SourcePosition = SourcePosition()
    end: SourcePosition = SourcePosition()
    n_bytes: int = 0


class Read(NamedTuple):
    """The valid rows of a block, and the rejected ones."""

    rows: Rows
    rejected: list[Rejected]


class Source(ABC):
    """One file of rows, which is closed at the end of a ``with`` block.

    Attributes
    ----------
    name : str
        Its name in messages.
    columns : tuple of str
        Names of its columns, in order.
    header : bytes
        The header line of the file; empty if it has none.
    """

    name: str
    columns: tuple[str, ...]
    header = b""
    _stack: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @abstractmethod
    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks of the file from a position on; raises SourceError if it is damaged."""

    def clusters(self) -> list[int]:
        """About how many rows each part of the file has that can be read without those before it.

        All parts together are the file. Raises SourceError if it can only be read from its start.
        """
        raise SourceError(self.name, None, f"{NO_CLUSTERS}; leave out --fast-sample")

    def cluster(self, number: int) -> Iterator[Block]:
        """The blocks of one of these parts."""
        raise SourceError(self.name, None, f"{NO_CLUSTERS}; leave out --fast-sample")

    @abstractmethod
    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """Parse some columns of a block: those in ``numeric`` as numbers, others as text or as typed.

        With ``whole``, the rows also have all columns as they are in the file.
        """

    def read_quickly(self, block: Block, wanted: Sequence[str], likely: Collection[str]) -> Read:
        """Parse some columns as ``read`` does; those that are ``likely`` numbers maybe as numbers.

        The rows are then ``ParsedRows``, and no cell of these columns is anything but a number or empty.
        """
        return self.read(block, wanted)

    @abstractmethod
    def empty(self) -> Block:
        """A block without rows, which has the types of the columns."""

"""What every source gives: blocks in order, each a piece of a file that can be read by itself.

Cutting a file into blocks is quick and done in one place; reading a block is the work, and is done by
whichever thread is free.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

from anomaly_vae_pipelines.records import Rejected, Rows

BLOCK_BYTES = 1 << 21
"""Bytes of a block of text: a few thousand rows, which a core's cache holds."""


@dataclass(frozen=True)
class SourcePosition:
    """A position between two rows of a file: the bytes (of Parquet: rows) and lines before it."""

    offset: int = 0
    line: int = 0


@dataclass(frozen=True)
class Block:
    """A piece of a file.

    Attributes
    ----------
    content : bytes, array or table
        What the source that cut it can read.
    start, end : SourcePosition
        Where it begins, and where the next one does. The same start gives the same block.
    n_bytes : int
        How much of the file as it lies on disk has been read up to its end, as far as is known.
    """

    content: Any
    start: SourcePosition
    end: SourcePosition
    n_bytes: int = 0


class Read(NamedTuple):
    """The rows of a block, and those that cannot be read, which are not among them."""

    rows: Rows
    rejected: list[Rejected]


class Source(Protocol):
    """One file of rows.

    Attributes
    ----------
    name : str
        What it is called in messages.
    columns : tuple of str
        Names of its columns, in order.
    header : bytes
        The line of names as it stands in the file; empty where there is none.
    """

    name: str
    columns: tuple[str, ...]
    header: bytes

    def blocks(self, start: SourcePosition | None = None) -> Iterator[Block]:
        """The blocks of the file from a place on; raises SourceError where it is damaged."""

    def read(
        self, block: Block, wanted: Sequence[str], numeric: Container[str] = (), *, whole: bool = False
    ) -> Read:
        """Some columns of a block, those in ``numeric`` as numbers, others as text (or as typed).

        With ``whole``, beside them all columns as they stand in the file.
        """

    def empty(self) -> Block:
        """A block without rows, which tells the types of the columns."""


class OpenedSource(Source, Protocol):
    """A source that lets go of its file when the block ends."""

    def __enter__(self) -> Self:
        """The source itself."""

    def __exit__(self, *_: object) -> None:
        """Let go of the file."""

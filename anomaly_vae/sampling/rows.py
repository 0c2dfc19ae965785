"""RowSample: a uniform sample of a stream of rows of any length, in one pass and bounded memory.

Each row has a key, a hash of the seed and of its position in the stream, and the rows with the smallest keys
are kept (bottom-k sampling; Cohen & Kaplan 2007). So the sample does not depend on how the stream is cut
into pieces, and the samples of two parts of a stream merge exactly, in any order, if each part knows the
position of its first row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError

Piece = TypeVar("Piece")
Positions = NDArray[np.int64]
Take = Callable[[Piece, Positions], Piece]
Join = Callable[[Sequence[Piece]], Piece]

_MOST_KEPT, _MOST_PIECES = 1.5, 256
"""Rows that are kept, as a multiple of the size of the sample, and pieces, before they are made fewer."""


class KeptRows(Generic[Piece]):
    """Some rows of a stream, in pieces, with a label per row.

    Parameters
    ----------
    take : callable
        Returns some rows of a piece, in the order of their given positions in it.
    join : callable
        Returns one piece with the rows of several, in order.
    """

    def __init__(self, take: Take[Piece], join: Join[Piece]) -> None:
        self._take, self._join = take, join
        self._pieces: list[Piece] = []
        self._labels: list[NDArray[Any]] = []
        self.n_rows = 0

    def add(self, piece: Piece, kept: Positions, labels: NDArray[Any], n_rows: int) -> None:
        """Add the rows at some positions of a piece of ``n_rows`` rows, and their labels."""
        if not len(kept) and self._pieces:
            return
        self._pieces.append(piece if len(kept) == n_rows else self._take(piece, kept))
        self._labels.append(labels)
        self.n_rows += len(kept)
        if len(self._pieces) > _MOST_PIECES:
            self._join_pairs()

    @property
    def labels(self) -> NDArray[Any]:
        """The labels of all rows, shape (n_rows,)."""
        return np.concatenate(self._labels)

    def pieces(self) -> Iterator[tuple[Piece, NDArray[Any]]]:
        """The pieces and their labels, without empty ones."""
        return (
            (piece, labels) for piece, labels in zip(self._pieces, self._labels, strict=True) if len(labels)
        )

    def add_all(self, piece: Piece, labels: NDArray[Any]) -> None:
        """Add all rows of a piece, and their labels."""
        self.add(piece, np.arange(len(labels)), labels, len(labels))

    def sort(self, positions: Positions) -> None:
        """Put the rows, which are at these positions of the stream, into the order of the stream."""
        if (np.diff(positions) < 0).any():
            order = np.argsort(positions)
            self._labels, self._pieces = [self.labels[order]], [self._take(self.joined(), order)]

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Drop the other rows; one piece at a time, which needs little memory."""
        ends = np.cumsum([len(labels) for labels in self._labels])
        for place, some in enumerate(np.split(is_kept, ends[:-1])):
            kept = np.flatnonzero(some)
            if len(kept) < len(some):
                self._pieces[place] = self._take(self._pieces[place], kept)
                self._labels[place] = self._labels[place][kept]
        self.n_rows = int(np.count_nonzero(is_kept))

    def joined(self) -> Piece:
        """All rows as one piece; raises ValueError before the first piece."""
        if not self._pieces:
            raise ValueError("no rows were added")
        if len(self._pieces) > 1:
            self._pieces = [self._join(self._pieces)]
            self._labels = [np.concatenate(self._labels)]
        return self._pieces[0]

    def _join_pairs(self) -> None:
        """Make half as many pieces; a pair at a time, which needs little memory."""
        for first in range(len(self._pieces) // 2):
            self._pieces[first : first + 2] = [self._join(self._pieces[first : first + 2])]
            self._labels[first : first + 2] = [np.concatenate(self._labels[first : first + 2])]


class RowSample(Generic[Piece]):
    """Keeps ``n_rows`` of the rows that were added; all rows if there are not more.

    Parameters
    ----------
    n_rows : int
        Size of the sample.
    take, join : callable
        As in ``KeptRows``.
    seed : int, default=0
        Another seed gives another sample.
    start : int, default=0
        Position in the stream of the first row to add, for a sample of a part of it.

    Attributes
    ----------
    n_seen : int
        Number of rows that were added.

    Examples
    --------
    >>> sample = RowSample(3, lambda rows, at: rows[at], np.concatenate)
    >>> for start in range(0, 100, 10):
    ...     sample.add(np.arange(start, start + 10), 10)
    >>> len(sample.rows()), sample.n_seen
    (3, 100)

    The samples of two parts give that of the whole:

    >>> one, other = (RowSample(3, lambda rows, at: rows[at], np.concatenate, start=k) for k in (0, 60))
    >>> one.add(np.arange(60), 60)
    >>> other.add(np.arange(60, 100), 40)
    >>> other.merge(one)
    >>> bool((other.rows() == sample.rows()).all()), other.n_seen
    (True, 100)
    """

    def __init__(
        self, n_rows: int, take: Take[Piece], join: Join[Piece], seed: int = 0, start: int = 0
    ) -> None:
        check_sizes(seed, n_rows)
        self.n_rows, self.n_seen, self._next = n_rows, 0, start
        self._kept, self._seed = KeptRows(take, join), seed
        self._highest = np.uint64(2**64 - 1)

    def add(self, piece: Piece, n_rows: int) -> None:
        """Add the next rows of the stream."""
        positions = np.arange(self._next, self._next + n_rows)
        self.n_seen, self._next = self.n_seen + n_rows, self._next + n_rows
        kept = np.flatnonzero(row_keys(positions, self._seed) <= self._highest)
        self._kept.add(piece, kept, positions[kept], n_rows)
        if self._kept.n_rows > _MOST_KEPT * self.n_rows:
            self._shrink()

    def merge(self, other: Self) -> None:
        """Add the rows that another sample saw, which are another part of the stream.

        Raises InputError if it has another size or seed.
        """
        check_alike((self.n_rows, self._seed), (other.n_rows, other._seed))
        for piece, positions in other._kept.pieces():
            self._kept.add_all(piece, positions)
        self.n_seen, self._next = self.n_seen + other.n_seen, max(self._next, other._next)
        self._highest = min(self._highest, other._highest)
        self._shrink()
        self._kept.sort(self._kept.labels)

    def rows(self) -> Piece:
        """The sample, in the order of the stream; raises ValueError before the first piece."""
        self._shrink()
        return self._kept.joined()

    @property
    def positions(self) -> Positions:
        """The positions of the rows of the sample in the stream, ascending."""
        self._shrink()
        return self._kept.labels

    def _shrink(self) -> None:
        """Keep only the rows with the smallest keys."""
        if self._kept.n_rows > self.n_rows:
            keys = row_keys(self._kept.labels, self._seed)
            self._highest = np.partition(keys, self.n_rows - 1)[self.n_rows - 1]
            self._kept.keep(keys <= self._highest)


def check_sizes(seed: int, *sizes: int) -> None:
    """Raise InputError for sizes of samples below 1 and for a seed that is not an unsigned integer."""
    if min(sizes) < 1:
        raise InputError(f"a sample has at least 1 row, got n_rows={min(sizes)}")
    if not 0 <= seed < 2**64:
        raise InputError(f"seed: wanted an integer from 0 to 2**64 - 1, got {seed}")


def check_alike(one: object, other: object) -> None:
    """Raise InputError for two samples with different settings."""
    if one != other:
        raise InputError(f"samples with different sizes, seeds or keys do not merge: {one} and {other}")


def row_keys(positions: Positions, seed: int) -> NDArray[np.uint64]:
    """Keys of the rows at some positions of a stream: distinct, and like random numbers.

    The finaliser of SplitMix64 (Steele, Lea & Flood 2014) is a bijection of 64-bit integers.
    """
    with np.errstate(over="ignore"):
        return _mixed(positions.astype(np.uint64) + _mixed(np.array([seed], dtype=np.uint64)))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

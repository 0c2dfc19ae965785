"""RowSample: a uniform sample of a stream of rows of any length, in one pass and bounded memory.

Each row has a key, a hash of the seed and of its position in the stream, and the rows with the smallest keys
are kept (bottom-k sampling; Cohen & Kaplan 2007). So the sample does not depend on how the stream is cut
into pieces, and the samples of two parts of a stream merge exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Piece = TypeVar("Piece")
Positions = NDArray[np.int64]

_MOST_KEPT, _MOST_PIECES = 1.5, 256
"""Rows that are kept, as a multiple of the size of the sample, and pieces, before they are made fewer."""


class RowSample(Generic[Piece]):
    """Keeps ``n_rows`` of the rows that were added; all rows if there are not more.

    Parameters
    ----------
    n_rows : int
        Size of the sample.
    take : callable
        Returns some rows of a piece, given their positions in it.
    join : callable
        Returns one piece with the rows of several, in order.
    seed : int, default=0
        Another seed gives another sample.

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
    """

    def __init__(
        self,
        n_rows: int,
        take: Callable[[Piece, Positions], Piece],
        join: Callable[[Sequence[Piece]], Piece],
        seed: int = 0,
    ) -> None:
        self.n_rows, self.n_seen = n_rows, 0
        self._take, self._join, self._seed = take, join, seed
        self._pieces: list[Piece] = []
        self._keys: list[NDArray[np.uint64]] = []
        self._n_kept = 0
        self._highest = np.uint64(2**64 - 1)

    def add(self, piece: Piece, n_rows: int) -> None:
        """Add the next rows of the stream."""
        keys = row_keys(self.n_seen, n_rows, self._seed)
        self.n_seen += n_rows
        kept = np.flatnonzero(keys <= self._highest)
        if not len(kept) and self._pieces:
            return
        self._pieces.append(piece if len(kept) == n_rows else self._take(piece, kept))
        self._keys.append(keys[kept])
        self._n_kept += len(kept)
        if self._n_kept > _MOST_KEPT * self.n_rows:
            self._shrink()

    def rows(self) -> Piece:
        """The sample, in the order of the stream; raises ValueError before the first piece."""
        self._shrink()
        if not self._pieces:
            raise ValueError("no rows were added")
        self._join_all()
        return self._pieces[0]

    def _shrink(self) -> None:
        """Keep only the rows with the smallest keys; one piece at a time, which needs little memory."""
        if self._n_kept > self.n_rows:
            keys = np.concatenate(self._keys)
            self._highest = np.partition(keys, self.n_rows - 1)[self.n_rows - 1]
            for place, (piece, keys) in enumerate(zip(self._pieces, self._keys, strict=True)):
                kept = np.flatnonzero(keys <= self._highest)
                self._keys[place] = keys[kept]
                self._pieces[place] = piece if len(kept) == len(keys) else self._take(piece, kept)
            self._n_kept = sum(map(len, self._keys))
        if len(self._pieces) > _MOST_PIECES:
            self._join_all()

    def _join_all(self) -> None:
        if len(self._pieces) > 1:
            self._pieces = [self._join(self._pieces)]
            self._keys = [np.concatenate(self._keys)]


def row_keys(first: int, n_rows: int, seed: int) -> NDArray[np.uint64]:
    """Keys of consecutive rows of a stream, shape (n_rows,): distinct, and like random numbers.

    The finaliser of SplitMix64 (Steele, Lea & Flood 2014) is a bijection of 64-bit integers.
    """
    with np.errstate(over="ignore"):
        offset = _mixed(np.array([seed], dtype=np.uint64))
        return _mixed(np.arange(first, first + n_rows, dtype=np.uint64) + offset)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

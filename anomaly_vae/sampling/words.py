"""WordExamples: the first row of a stream with each word, so that a sample can have every word."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.sampling.rows import KeptRows, Piece, Positions
from anomaly_vae.sampling.sizes import MAX_EXAMPLES

MAX_WORDS = 1_000
"""Words of a column; one with more of them holds text, not categories."""

Words = Mapping[str, Sequence[Hashable]]
"""Distinct words by column."""


class PieceReader(Protocol[Piece]):
    """How the pieces of a stream, such as DataFrames, are cut, joined and looked into."""

    def take(self, piece: Piece, positions: Positions) -> Piece:
        """Some rows of a piece, in the order of the positions, which ascend unless samples are merged."""

    def join(self, pieces: Sequence[Piece]) -> Piece:
        """The rows of several pieces, in order."""

    def words(self, piece: Piece, closed: Collection[str]) -> Words:
        """The distinct words of columns of text, except the closed ones; called by any thread."""

    def place(self, piece: Piece, column: str, word: Any) -> int:
        """The position of the first row with a word."""

    def strata(self, piece: Piece, column: str) -> tuple[NDArray[np.int64], Sequence[Hashable]]:
        """For each row a position among the distinct values of a column, -1 if missing; and these values."""


class WordExamples(Generic[Piece]):
    """The words of columns of text, and the first row with each.

    Attributes
    ----------
    closed : set of str
        The columns with more than ``MAX_WORDS`` words, which are not looked into.
    """

    def __init__(self, reader: PieceReader[Piece]) -> None:
        self.closed: set[str] = set()
        self._reader = reader
        self._first: dict[str, dict[Hashable, int]] = {}
        self._rows = KeptRows(reader.take, reader.join)

    @property
    def are_found(self) -> bool:
        """Whether there is a word."""
        return any(self._first.values())

    def add(self, piece: Piece, positions: Positions, words: Words) -> None:
        """Note the words of the next rows, which are at these positions of the stream, in its order."""
        wanted: set[int] = set()
        for name, some in words.items():
            if name in self.closed:
                continue
            known = self._first.setdefault(name, {})
            new = [word for word in some if word not in known]
            if len(known) + len(new) > MAX_WORDS:
                self.closed.add(name)
                del self._first[name]
                continue
            places = {word: self._reader.place(piece, name, word) for word in new}
            known.update((word, int(positions[place])) for word, place in places.items())
            wanted.update(places.values())
        if wanted:
            at = np.array(sorted(wanted), dtype=np.int64)
            self._rows.add(piece, at, positions[at], len(positions))

    def merge(self, other: Self) -> None:
        """Add the words of another part of the stream, and of each the first row of both parts."""
        self.closed |= other.closed
        for name, words in other._first.items():
            known = self._first.setdefault(name, {})
            known.update((word, min(at, known.get(word, at))) for word, at in words.items())
        self.closed.update(name for name, known in self._first.items() if len(known) > MAX_WORDS)
        self._first = {name: known for name, known in self._first.items() if name not in self.closed}
        for piece, positions in other._rows.pieces():
            self._rows.add_all(piece, positions)
        if self._rows.n_rows:
            first = [at for known in self._first.values() for at in known.values()]
            self._rows.keep(np.isin(self._rows.labels, first))
            self._rows.sort(self._rows.labels)

    def lacking(self, sample: Piece, but: Positions) -> tuple[Piece, Positions] | None:
        """Rows with the words that a sample lacks, and their positions, of which ``but`` are left out.

        None if there are no such rows.
        """
        found = self._reader.words(sample, self.closed)
        positions = {
            position
            for name, words in self._first.items()
            for position in _without(words, found.get(name, ()))
        }.difference(but.tolist())
        if not positions:
            return None
        chosen = np.array(sorted(positions)[:MAX_EXAMPLES], dtype=np.int64)
        rows, labels = self._rows.joined(), self._rows.labels
        return self._reader.take(rows, np.flatnonzero(np.isin(labels, chosen))), chosen


def _without(words: Mapping[Hashable, int], found: Sequence[Hashable]) -> list[int]:
    return [words[word] for word in words.keys() - set(found)]

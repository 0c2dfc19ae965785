"""StreamSample: the rows to fit on of a stream of any length, in one pass: a sample with every word."""

from __future__ import annotations

from typing import Generic, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.sampling.rows import Piece, Positions
from anomaly_vae.sampling.sizes import n_drawn
from anomaly_vae.sampling.split import SplitSample
from anomaly_vae.sampling.words import PieceReader, WordExamples, Words


class Drawn(NamedTuple, Generic[Piece]):
    """The rows that a stream gave.

    Attributes
    ----------
    rows : Piece
        All rows of the stream, or a sample of ``n_rows`` or fewer and up to ``MAX_EXAMPLES`` more.
    positions : array of shape (n_drawn,)
        The position of each of them in the stream.
    held_out : array of bool, shape (n_drawn,), or None
        Which of them are not trained on; None if all rows of the stream were kept, and the fit may choose.
    """

    rows: Piece
    positions: Positions
    held_out: NDArray[np.bool_] | None


class StreamSample(Generic[Piece]):
    """A sample of the rows that are added, or all rows if they are not more than ``n_rows``.

    Rows to train on and rows to hold out are drawn apart (``SplitSample``), as many of them as a fit uses.
    A category or a word for missing cells may occur only in rows that are not drawn. So the first row with
    each word of a text column that no row to train on has is added to these, at most ``MAX_EXAMPLES`` rows,
    if the column has at most ``MAX_WORDS`` words, and unless that row is held out: a row that is held out
    stays so, as a model must not know more about it than about rows to come. Texts that start like a number
    are not words.

    Parameters
    ----------
    reader : PieceReader
        How the pieces are read.
    n_rows : int
        The most rows to draw.
    seed : int
        Another seed gives another sample. The sample does not depend on the sizes of the pieces.
    per : str, optional
        The column of a key, by whose values the rows to train on are drawn.
    fraction : float or "auto"
        Share of ``n_rows`` to hold out.
    start : int, default=0
        Position in the stream of the first row to add, for a sample of a part of it.
    """

    def __init__(
        self,
        reader: PieceReader[Piece],
        n_rows: int,
        seed: int = 0,
        per: str | None = None,
        fraction: float | str = "auto",
        start: int = 0,
    ) -> None:
        self._reader, self._n_rows = reader, n_rows
        self._words = WordExamples(reader)
        self._sample = SplitSample(reader, n_rows, *n_drawn(n_rows, fraction), seed, per, start)

    @property
    def n_seen(self) -> int:
        """Number of rows that were added."""
        return self._sample.n_seen

    def words(self, piece: Piece, n_rows: int) -> Words | None:
        """The words of a piece if ``add`` is likely to need them; any thread may call it."""
        is_needed = self.n_seen + n_rows > self._n_rows
        return self._reader.words(piece, self._words.closed.copy()) if is_needed else None

    def add(self, piece: Piece, n_rows: int, words: Words | None = None) -> None:
        """Add the next rows, of which ``words`` may have been called before."""
        first = self._sample.next_position
        if self.n_seen + n_rows > self._n_rows:  # from here on rows are dropped
            self._look_back()
            found = self._reader.words(piece, self._words.closed) if words is None else words
            self._words.add(piece, np.arange(first, first + n_rows), found)
        self._sample.add(piece, n_rows)

    def merge(self, other: Self) -> None:
        """Add the rows that another sample saw, which are another part of the stream.

        The parts may be merged in any order, and give what one sample of the whole stream gives. Raises
        InputError as ``SplitSample.merge`` does.
        """
        if self.n_seen + other.n_seen > self._n_rows:
            self._look_back()
            other._look_back()
        self._words.merge(other._words)
        self._sample.merge(other._sample)

    def drawn(self) -> Drawn[Piece]:
        """What was drawn, in the order of the stream, then the rows with other words.

        Raises ValueError before the first piece.
        """
        rows, positions, held_out = self._sample.rows(), self._sample.positions, self._sample.held_out
        if held_out is None or not self._words.are_found:
            return Drawn(rows, positions, held_out)
        trained = self._reader.take(rows, np.flatnonzero(~held_out))
        lacking = self._words.lacking(trained, positions)
        if lacking is None:
            return Drawn(rows, positions, held_out)
        held_out = np.append(held_out, np.zeros(len(lacking[1]), dtype=bool))
        return Drawn(self._reader.join([rows, lacking[0]]), np.append(positions, lacking[1]), held_out)

    def _look_back(self) -> None:
        """Note the words of the rows so far, unless some were dropped and so all were looked at before."""
        if self.n_seen <= self._n_rows:
            for kept, positions in self._sample.pieces():
                self._words.add(kept, positions, self._reader.words(kept, ()))

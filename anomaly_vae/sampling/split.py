"""SplitSample: of a stream of any length rows to hold out, drawn uniformly, and others to train on.

A false-alarm rate is one per row of the stream, so the rows that are held out are drawn uniformly. The others
may be drawn by strata, so that rare values of a key are present: each value gets the same number of rows, or
all of its rows if it has fewer. Both are the rows with the smallest keys, as in ``RowSample``, but each has
keys of its own, so that neither depends on how the stream is cut into pieces, and samples of parts merge.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Generic, Self

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.sampling.rows import KeptRows, Piece, Positions, check_alike, check_sizes, row_keys
from anomaly_vae.sampling.words import PieceReader

MAX_STRATA = 10_000
"""The most values of a key; with more of them each would get few rows."""

_MOST_KEPT = 1.25
_ROW = np.dtype([("position", np.int64), ("stratum", np.int64)])
_HIGHEST = np.uint64(2**64 - 1)
_OTHER_SEED = 0x5EED


class SplitSample(Generic[Piece]):
    """Keeps ``n_held_out`` rows drawn uniformly and ``n_train`` others; or all rows.

    Parameters
    ----------
    reader : PieceReader
    n_rows : int
        All rows are kept, and none is held out, if there are not more than this.
    n_held_out, n_train : int
        Sizes of the two samples; their sum is at most ``n_rows``.
    seed : int, default=0
        Another seed gives another sample.
    column : str, optional
        The key, whose values are the strata. Missing values are a stratum too. Without a key the rows to
        train on are drawn uniformly.
    start : int, default=0
        Position in the stream of the first row to add, for a sample of a part of it.

    Attributes
    ----------
    n_seen : int
        Number of rows that were added.
    next_position : int
        Position in the stream of the next row to add.
    """

    def __init__(
        self,
        reader: PieceReader[Piece],
        n_rows: int,
        n_held_out: int,
        n_train: int,
        seed: int = 0,
        column: str | None = None,
        start: int = 0,
    ) -> None:
        check_sizes(seed, n_held_out, n_train)
        self.n_seen, self.next_position = 0, start
        self._reader, self._column, self._seed = reader, column, seed
        self._n_rows, self._n_held_out, self._n_train = n_rows, n_held_out, n_train
        self._most_kept = max(n_rows, int(_MOST_KEPT * (n_held_out + n_train)))
        self._kept = KeptRows(reader.take, reader.join)
        self._codes: dict[Hashable, int] = {}
        self._sizes = np.zeros(0, dtype=np.int64)
        self._highest = np.zeros(0, dtype=np.uint64)  # key of a row to train on, by stratum
        self._highest_held_out = _HIGHEST

    def add(self, piece: Piece, n_rows: int) -> None:
        """Add the next rows of the stream; raises InputError for a key with too many values."""
        rows = np.empty(n_rows, dtype=_ROW)
        rows["position"] = np.arange(self.next_position, self.next_position + n_rows)
        rows["stratum"] = self._strata(piece, n_rows)
        self.n_seen, self.next_position = self.n_seen + n_rows, self.next_position + n_rows
        self._check_strata()
        is_low = self._keys(rows) <= self._highest[rows["stratum"]]
        kept = np.flatnonzero(is_low | (self._held_out_keys(rows) <= self._highest_held_out))
        self._kept.add(piece, kept, rows[kept], n_rows)
        if self._kept.n_rows > self._most_kept:
            self._shrink()

    def merge(self, other: Self) -> None:
        """Add the rows that another sample saw, which are another part of the stream.

        Raises InputError if it has other sizes, another seed or another key, or if the two together have too
        many values of the key.
        """
        check_alike(self._settings, other._settings)
        codes = self._codes_of(other._codes)
        self._sizes[codes] += other._sizes
        self._highest[codes] = np.minimum(self._highest[codes], other._highest)
        self._highest_held_out = min(self._highest_held_out, other._highest_held_out)
        for piece, labels in other._kept.pieces():
            rows = labels.copy()
            rows["stratum"] = codes[labels["stratum"]]
            self._kept.add_all(piece, rows)
        self.n_seen += other.n_seen
        self.next_position = max(self.next_position, other.next_position)
        self._check_strata()
        self._shrink()
        self._kept.sort(self._kept.labels["position"])

    def rows(self) -> Piece:
        """Both samples, in the order of the stream; raises ValueError before the first piece."""
        self._shrink()
        return self._kept.joined()

    def pieces(self) -> Iterator[tuple[Piece, Positions]]:
        """The rows that are kept so far, in pieces, and their positions in the stream."""
        for piece, labels in self._kept.pieces():
            yield piece, labels["position"]

    @property
    def positions(self) -> Positions:
        """The positions of the rows of the samples in the stream, ascending."""
        self._shrink()
        positions: Positions = self._kept.labels["position"]
        return positions

    @property
    def held_out(self) -> NDArray[np.bool_] | None:
        """Which rows of the samples are to be held out; None if all rows of the stream were kept."""
        self._shrink()
        if self.n_seen <= self._n_rows:
            return None
        return np.asarray(self._held_out_keys(self._kept.labels) <= self._highest_held_out)

    def _strata(self, piece: Piece, n_rows: int) -> NDArray[np.int64]:
        """The stratum of each row; the missing value is the key None."""
        places: NDArray[np.int64] = np.zeros(n_rows, dtype=np.int64)
        values: Sequence[Hashable] = [None]
        if self._column is not None:
            places, values = self._reader.strata(piece, self._column)
        strata = self._codes_of([*values, None] if (places < 0).any() else values)[places]
        self._sizes += np.bincount(strata, minlength=len(self._codes))
        return strata

    def _codes_of(self, values: Iterable[Hashable]) -> NDArray[np.int64]:
        """The codes of values of the key, of which new ones get the next codes."""
        codes = [self._codes.setdefault(value, len(self._codes)) for value in values]
        n_new = len(self._codes) - len(self._sizes)
        self._highest = np.append(self._highest, np.full(n_new, _HIGHEST))
        self._sizes = np.append(self._sizes, np.zeros(n_new, dtype=np.int64))
        return np.array(codes, dtype=np.int64)

    @property
    def _settings(self) -> tuple[object, ...]:
        return self._n_rows, self._n_held_out, self._n_train, self._seed, self._column

    def _check_strata(self) -> None:
        most = min(MAX_STRATA, self._n_train)
        if self.n_seen > self._n_rows and len(self._codes) > most:
            raise InputError(
                f"column {self._column!r} has more than {most:,} values, too many to draw rows of each; give "
                f"a column with fewer, or more rows if this is fewer than {MAX_STRATA:,}"
            )

    def _shrink(self) -> None:
        """Keep only the rows of the two samples of the rows that were seen."""
        if self.n_seen <= self._n_rows:
            return
        rows = self._kept.labels
        keys = self._held_out_keys(rows)
        self._highest_held_out = np.partition(keys, self._n_held_out - 1)[self._n_held_out - 1]
        is_kept = keys <= self._highest_held_out
        others = np.flatnonzero(~is_kept)
        strata, keys = rows["stratum"][others], self._keys(rows[others])
        n_strata = len(self._codes)
        n_out = np.bincount(rows["stratum"][is_kept], minlength=n_strata)
        quota = equal_share(self._sizes - n_out, self._n_train)
        order = np.lexsort((keys, strata))
        starts = np.searchsorted(strata[order], np.arange(n_strata))
        ranks = np.arange(len(order)) - starts[strata[order]]
        last = order[ranks == quota - 1]
        self._highest = self._highest.copy()  # what comes from another process may be read-only
        self._highest[strata[last]] = keys[last]
        is_kept[others[order[ranks < quota]]] = True
        self._kept.keep(is_kept)

    def _keys(self, rows: NDArray[np.void]) -> NDArray[np.uint64]:
        return row_keys(rows["position"], self._seed ^ _OTHER_SEED)

    def _held_out_keys(self, rows: NDArray[np.void]) -> NDArray[np.uint64]:
        return row_keys(rows["position"], self._seed)


def equal_share(sizes: NDArray[np.int64], n_rows: int) -> int:
    """The most rows that each stratum may give, so that all together give at most ``n_rows``.

    Examples
    --------
    >>> equal_share(np.array([1, 5, 1_000]), 20)
    14
    """
    ascending = np.sort(sizes)
    given = np.concatenate([[0], np.cumsum(ascending)[:-1]])
    shares = (n_rows - given) // np.arange(len(sizes), 0, -1)
    limited = np.flatnonzero(ascending > shares)
    return int(shares[limited[0]]) if len(limited) else int(ascending[-1])

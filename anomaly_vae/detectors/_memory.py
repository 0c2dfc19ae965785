"""RowMemory: a bounded sample of a stream of rows, of which new rows replace old ones, and judged rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.table import Table, joined, take_rows
from anomaly_vae.states.verdicts import Threshold


@dataclass(frozen=True)
class RowMemory:
    """Rows that a detector is fitted on again.

    Once it is full, each new row replaces one at random. So the age of a row in the sample is geometrically
    distributed, and its mean is the capacity (Aggarwal 2006).

    Attributes
    ----------
    seed : int
        Of the choice of the rows that are replaced.
    threshold : Threshold
        Of the last fit, before a user set another one.
    rows : table or None
        The sample.
    waiting : tuple of tables
        Rows of the stream that have not entered the sample yet, in their order.
    n_entered : int
        Rows that have entered the sample.
    judged : table or None
        The rows that verdicts are about, in the order of the verdicts.
    """

    seed: int
    threshold: Threshold
    rows: Table | None = None
    waiting: tuple[Table, ...] = ()
    n_entered: int = 0
    judged: Table | None = None

    @property
    def n_waiting(self) -> int:
        """Rows that have not entered the sample yet."""
        return sum(map(len, self.waiting))

    @property
    def sample(self) -> Table:
        """The rows of the sample, which has some."""
        assert self.rows is not None
        return self.rows

    def __len__(self) -> int:
        return 0 if self.rows is None else len(self.rows)

    def followed_by(self, rows: Table) -> RowMemory:
        """With more rows that wait."""
        return replace(self, waiting=(*self.waiting, rows))

    def entered(self, n_blocks: int, block: int, capacity: int) -> RowMemory:
        """With the first ``n_blocks * block`` waiting rows in the sample, of at most ``capacity`` rows.

        How the waiting rows are divided into tables changes nothing.
        """
        waiting, n_new = joined(self.waiting), n_blocks * block
        kept = np.arange(len(self))
        for start in range(0, n_new, block):
            generator = np.random.default_rng([self.seed, self.n_entered + start])
            new = len(self) + np.arange(start, start + block)
            kept = _replaced(kept, new, capacity, generator)
        rows = take_rows(joined([*([] if self.rows is None else [self.rows]), waiting]), kept)
        left = (take_rows(waiting, slice(n_new, None)),) if len(waiting) > n_new else ()
        return replace(self, rows=rows, waiting=left, n_entered=self.n_entered + n_new)

    def without(self, rows: NDArray[np.bool_]) -> RowMemory:
        """Without some rows of the sample, given by a mask of shape (n_rows,)."""
        if self.rows is None or not rows.any():
            return self
        return replace(self, rows=take_rows(self.rows, np.flatnonzero(~rows)))

    def with_judged(self, rows: Table, n_latest: int) -> RowMemory:
        """With more judged rows, of which the latest are kept."""
        judged = rows if self.judged is None else joined([self.judged, rows])
        return replace(self, judged=take_rows(judged, slice(max(len(judged) - n_latest, 0), None)))


def _replaced(
    kept: NDArray[np.int64], new: NDArray[np.int64], capacity: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Positions of the kept rows after the new ones have come, one after the other."""
    if len(kept) > capacity:
        kept = generator.permutation(kept)[:capacity]
    n_free = min(capacity - len(kept), len(new))
    kept = np.concatenate([kept, new[:n_free]])
    # Of several rows that replace the same one, numpy keeps the last.
    kept[generator.integers(len(kept), size=len(new) - n_free)] = new[n_free:]
    return kept

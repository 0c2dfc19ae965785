"""ScoredSample: a uniform sample of scored rows, for what would take too long or too much memory on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.sampling.rows import RowSample
from anomaly_vae_pipelines.records import Rows, ScoredRows
from anomaly_vae_pipelines.sources.sampling import join_rows, take_rows

N_ROWS = 10_000
"""Rows of a sample, or all if there are not more."""


class Sampled(NamedTuple):
    """Some rows, in the order of the files.

    Attributes
    ----------
    rows : Rows
    positions : array of int, shape (n_rows,)
        Their positions among all rows, from 0.
    scores : array of shape (n_rows,)
        In nats.
    """

    rows: Rows
    positions: NDArray[np.int64]
    scores: NDArray[np.float64]


class ScoredSample:
    """Keeps a sample of the rows that were added, whose size does not grow with their number."""

    def __init__(self) -> None:
        self._sample: RowSample[Sampled] = RowSample(N_ROWS, _take, _join)

    def add(self, scored: ScoredRows) -> None:
        """Add the next rows."""
        first, n_rows = self._sample.n_seen, len(scored)
        rows = replace(scored.rows, raw=None, whole=None)
        self._sample.add(Sampled(rows, np.arange(first, first + n_rows), scored.scores), n_rows)

    def sampled(self) -> Sampled | None:
        """Return the sample; None without rows."""
        return self._sample.rows() if self._sample.n_seen else None


def _take(piece: Sampled, kept: NDArray[np.int64]) -> Sampled:
    return Sampled(take_rows(piece.rows, kept), piece.positions[kept], piece.scores[kept])


def _join(pieces: Sequence[Sampled]) -> Sampled:
    return Sampled(
        join_rows([piece.rows for piece in pieces]),
        np.concatenate([piece.positions for piece in pieces]),
        np.concatenate([piece.scores for piece in pieces]),
    )

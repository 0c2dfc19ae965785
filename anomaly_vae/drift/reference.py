"""Reference: what calibration rows were like, against which rows of a stream are compared.

It is computed from the calibration rows that a model keeps for learning from verdicts, so that a model file
needs nothing more. They are fixed, and verdicts do not change them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.table import LATENT, TableEncoder
from anomaly_vae.drift.bets import N_BETS, bets_on_ranks, bets_on_shares, ranks_of
from anomaly_vae.drift.coding import MISSING, N_CODES, Coder, Codes, ColumnCells

Floats = NDArray[np.float64]
Aspect = Literal["values", "missing", "nats"]

SCORE = "score"
"""What the stream of scores is called."""


class Stream(NamedTuple):
    """One of the streams that a martingale watches.

    Attributes
    ----------
    column : int
        The position of the column; the latent term and the score come after the columns.
    aspect : {"values", "missing", "nats"}
        What of it.
    place : int
        Which of the codes of a row it reads.
    """

    column: int
    aspect: Aspect
    place: int


class _Share(NamedTuple):
    """A code whose share is watched, and its rows among those of calibration."""

    stream: Stream
    code: int
    n_counted: float
    n_rows: float


@dataclass(frozen=True)
class Rows:
    """Rows as a monitor sees them.

    Attributes
    ----------
    codes : array of shape (n_rows, 2 * n_columns + 2), uint8
        The codes of ``Coder``.
    shortfalls : array of shape (n_columns + 1,)
        Mean nats of each contribution below the typical one.
    alerts : array of shape (n_columns + 1,)
        Alerts divided among the contributions, by their shares in the shortfall of each flagged row.
    n_alerts : int
        Flagged rows.
    """

    codes: Codes
    shortfalls: Floats
    alerts: Floats
    n_alerts: int

    @classmethod
    def of(cls, codes: Codes, shortfalls: Floats, flagged: NDArray[np.bool_]) -> Rows:
        """Rows with these codes, shortfalls (n_rows, n_columns + 1) and flags (n_rows,)."""
        below = np.maximum(shortfalls[flagged], 0.0)
        shares = below / np.maximum(below.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return cls(codes, shortfalls.mean(axis=0), shares.sum(axis=0), int(flagged.sum()))


class Reference:
    """Calibration rows, and the streams in which rows are compared with them.

    Parameters
    ----------
    encoder : TableEncoder
    cells : array of shape (n_kept, n_cells)
        Encoded calibration rows.
    shortfalls : array of shape (n_kept, n_columns + 1)
        Nats of their contributions below the typical ones.
    scores : array of shape (n_rows,)
        Scores of all calibration rows, before any verdict.
    kept : array of int, shape (n_kept,)
        The positions in ``scores`` of the rows in ``cells``.
    flagged : array of bool, shape (n_kept,)
        Which of them the model flags.
    n_trained : int
        Training rows; none of them misses a column without a flag.

    Attributes
    ----------
    coder : Coder
    rows : Rows
        The kept calibration rows.
    n_rows : int
        Their number.
    names : tuple of str
        Names of the columns, then ``latent`` and ``score``.
    kinds : tuple of str
        Their kinds.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        cells: NDArray[np.float32],
        shortfalls: Floats,
        scores: Floats,
        kept: NDArray[np.int64],
        flagged: NDArray[np.bool_],
        n_trained: int,
    ) -> None:
        self.names = (*encoder.schema.names, LATENT, SCORE)
        self.kinds = (*(column.kind for column in encoder.schema.columns), LATENT, SCORE)
        self.coder = Coder(encoder, cells, shortfalls, scores)
        self.rows = Rows.of(self.coder.codes(cells, shortfalls, scores[kept]), shortfalls, flagged)
        self.n_rows, self._n_trained = len(cells), n_trained
        self._score_codes = self.coder.score_codes(scores)

    def streams(self) -> list[Stream]:
        """The streams, in the order of ``factors``."""
        return [*(stream for stream, _ in self._ranked()), *(share.stream for share in self._shares())]

    def factors(self, miss: float) -> Floats:
        """The factors of the bets on each stream, shape (n_streams, N_CODES, N_BETS).

        With probability ``miss`` at most, over the choice of calibration rows, a bet on any of them is in
        favour of an alarm for rows like those of calibration.
        """
        ranked, shares = list(self._ranked()), list(self._shares())
        each = miss / max(len(ranked) + len(shares), 1)
        factors = np.ones((len(ranked) + len(shares), N_CODES, N_BETS))
        for place, (_, codes) in enumerate(ranked):
            factors[place, :MISSING] = bets_on_ranks(ranks_of(codes, MISSING), each)
        if shares:
            counts = np.array([[share.n_counted, share.n_rows] for share in shares])
            bets = bets_on_shares(counts[:, 0], counts[:, 1], each)
            for place, (share, (without, counted)) in enumerate(zip(shares, bets, strict=True), len(ranked)):
                factors[place, : N_CODES if share.code == MISSING else MISSING] = without
                factors[place, share.code] = counted
        return factors

    @property
    def n_columns(self) -> int:
        """Number of columns of the table."""
        return len(self.coder.columns)

    def _ranked(self) -> Iterator[tuple[Stream, Codes]]:
        """Streams of ordered codes, with the codes of calibration rows."""
        for place, quantiles in enumerate(self.coder.quantiles[:-1]):
            if quantiles is not None:
                yield self._stream(place), _present(self.rows.codes[:, place])
        yield self._stream(2 * self.n_columns + 1), self._score_codes

    def _stream(self, place: int) -> Stream:
        """The stream of the ordered codes at this place."""
        if place < self.n_columns:
            return Stream(place, "values", place)
        return Stream(place - self.n_columns, "nats", place)

    def _shares(self) -> Iterator[_Share]:
        """Shares of categories and of missing cells."""
        for place, column in enumerate(self.coder.columns):
            counts = np.bincount(self.rows.codes[:, place], minlength=N_CODES)
            n_missing = float(counts[MISSING])
            for code in _watched(column):
                n_present = self.n_rows - n_missing
                yield _Share(Stream(place, "values", place), code, float(counts[code]), n_present)
            stream = Stream(place, "missing", place)
            if column.flag is not None:
                yield _Share(stream, MISSING, n_missing, float(self.n_rows))
            elif column.first is not None:
                yield _Share(stream, MISSING, 0.0, float(self._n_trained))


def _present(codes: Codes) -> Codes:
    return np.asarray(codes[codes != MISSING])


def _watched(column: ColumnCells) -> range:
    """The codes of categories whose shares are watched; with two, the second says all about the first."""
    if column.kind != "category":
        return range(0)
    return range(1 if column.n_categories == 2 else 0, column.n_categories)

"""Martingale: evidence, after each row, that streams of rows are no longer like calibration.

The calibration rows are fixed: rows of a stream never join them, so that a change is not diluted. The
evidence of a stream is a mixture over bets and over the row at which a change began (the sum of Shiryaev and
Roberts, with weights that sum to 1), so that it starts at 1 and is a supermartingale under the bounds of
``bets``. By Ville's inequality it ever reaches a threshold with a probability of at most 1 / threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST = 1e100
_BLOCK = 256


class Martingale:
    """The evidence of several streams against a common threshold.

    Parameters
    ----------
    factors : array of shape (n_streams, n_codes, n_bets)
        The factor of each bet for each code of a row.
    threshold : float
        Evidence of one stream that is an alarm.

    Attributes
    ----------
    n_rows : int
        Rows since the start.
    alarms : array of int, shape (n_streams,)
        How many rows there were when the evidence of each stream first reached the threshold; 0 if it did
        not.
    """

    def __init__(self, factors: Floats, threshold: float) -> None:
        self._factors, self.threshold = factors, threshold
        n_streams, n_codes, n_bets = factors.shape
        self._flat = factors.reshape(-1, n_bets)
        self._starts, self._weights = np.arange(n_streams) * n_codes, np.full(n_bets, 1.0 / n_bets)
        self.restart()

    def fresh(self) -> Martingale:
        """A martingale of the same bets that has seen no rows; they share the factors."""
        return Martingale(self._factors, self.threshold)

    def restart(self) -> None:
        """Forget all rows."""
        self.n_rows = 0
        self.alarms = np.zeros(len(self._factors), dtype=np.int64)
        self._sums = np.zeros((len(self._factors), self._factors.shape[2]))

    def update(self, codes: NDArray[np.integer[Any]], *, stop: bool = False) -> int:
        """Count the next rows, codes of shape (n_rows, n_streams); returns how many were counted.

        All of them, or with ``stop`` those up to the first at which a stream has an alarm.
        """
        n_counted = 0
        while n_counted < len(codes) and not (stop and self.alarms.any()):
            n_counted += self._update(codes[n_counted : n_counted + _BLOCK], stop)
        return n_counted

    def get_state(self) -> dict[str, Any]:
        """The evidence before the first alarm, as JSON."""
        return {"n_rows": self.n_rows, "sums": self._sums.tolist()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` returned; raises ValueError for anything else."""
        sums = np.array(state["sums"], dtype=np.float64)
        if sums.shape != self._sums.shape or not ((sums >= 0) & np.isfinite(sums)).all():
            raise ValueError("the evidence of drift is not that of these streams")
        self.restart()
        self.n_rows, self._sums = int(state["n_rows"]), sums

    def _update(self, codes: NDArray[np.integer[Any]], stop: bool) -> int:
        shape = (*codes.shape, len(self._weights))
        factors = self._flat.take((codes + self._starts).ravel(), axis=0).reshape(shape)
        history = np.empty_like(factors)
        sums, unspent = self._sums, np.array([_unspent(self.n_rows + k) for k in range(len(codes) + 1)])
        with np.errstate(over="ignore"):
            for row, began in enumerate((unspent[:-1] - unspent[1:]).tolist()):
                sums = np.multiply(sums + began, factors[row], out=history[row])
            reached = history @ self._weights + unspent[1:, None] >= self.threshold
        n_counted = int(reached.any(axis=1).argmax()) + 1 if stop and reached.any() else len(codes)
        reached = reached[:n_counted]
        new = reached.any(axis=0) & (self.alarms == 0)
        self.alarms[new] = self.n_rows + reached.argmax(axis=0)[new] + 1
        self._sums = np.minimum(history[n_counted - 1], _MOST)
        self.n_rows += n_counted
        return n_counted


def _unspent(n_rows: int) -> float:
    """The prior probability that a change begins after this many rows; it falls as slowly as 1 / log."""
    return math.log(2.0) / math.log(n_rows + 2.0)

"""Levels of online false-discovery control: at which level each p-value of an endless stream is tested.

LORD++ (Ramdas, Yang, Wainwright and Jordan 2017, "Online control of the false discovery rate with decaying
memory") and SAFFRON (Ramdas, Zrnic, Wainwright and Jordan 2018, "SAFFRON: an adaptive algorithm for online
control of the false discovery rate"). In both the level falls from row to row and rises with each discovery.
In LORD++ each row lowers it. In SAFFRON candidates, rows with p-values up to 0.5, do not; in exchange levels
are halved, and the rule gains where many rows are anomalies.

Both assume p-values of normal rows that are independent, and at most uniform. Rows that depend on each other,
and conformal p-values, which share their calibration rows, keep the rate only approximately.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EXACT = 1_024
"""Ticks of the clock for which a discovery is remembered exactly."""

FINENESS = 32
"""Older discoveries count as older than they are, by at most their age divided by this."""

_STEP = 256
"""Ticks of the clock between two merges of old discoveries."""


def lord_shares(lags: Integers) -> Floats:
    """The share of wealth for the row that comes this many ticks after it was earned, shape (n_lags,).

    Javanmard and Montanari 2018, "Online rules", section 5; the factor keeps the sum below 1.
    """
    x = lags.astype(np.float64)
    return np.asarray(0.07720838 * np.log(np.maximum(x, 2.0)) / (x * np.exp(np.sqrt(np.log(x)))))


def saffron_shares(lags: Integers) -> Floats:
    """The same for SAFFRON: section 4 of its paper, where the exponent is 1.6, with a sum of 1."""
    return np.asarray(0.4374901658 * lags.astype(np.float64) ** -1.6)


@dataclass(frozen=True)
class Method:
    """How levels fall.

    Attributes
    ----------
    title : str
        Its name in its paper.
    shares : callable
        From the ticks since a discovery, and 1, to the share of its wealth that a row is given.
    candidate : float
        Rows with p-values up to it are candidates, which do not move the clock; 0 if all rows do.
    """

    title: str
    shares: Callable[[Integers], Floats]
    candidate: float = 0.0

    def ticks(self, p_value: float) -> bool:
        """Whether a row with this p-value moves the clock; one without a p-value (NaN) does."""
        return self.candidate == 0.0 or not p_value <= self.candidate


METHODS: Mapping[str, Method] = {
    "lord++": Method("LORD++", lord_shares),
    "saffron": Method("SAFFRON", saffron_shares, 0.5),
}
"""Methods by their names in files of rules."""


class Levels:
    """Decides which p-values of a stream are discoveries.

    The memory is bounded. Discoveries older than ``EXACT`` ticks are counted in blocks whose width grows
    with their age, as if all had happened when the block began. So levels are never higher than those of the
    method, which keeps E[false discoveries] / E[discoveries] at most the rate, and they are lower by a
    factor of at most (1 + 1 / FINENESS) ** 2. Blocks depend on the clock alone: in LORD++ one more discovery
    never lowers a later level, as the proof of the false-discovery rate itself requires.

    Parameters
    ----------
    method : Method
    rate : float in (0, 1)
        The false-discovery rate. Half of it is the wealth at the start.
    """

    def __init__(self, method: Method, rate: float) -> None:
        self.method, self.rate = method, rate
        self._clock = self._merged = 0
        self._first: int | None = None
        self._starts = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)

    def level(self) -> float:
        """The level at which the next row is tested."""
        self._merge()
        start = self.rate / 2.0
        earned = start * self._share_of(0)
        if self._first is not None:
            earned += (self.rate - start) * self._share_of(self._first)
        if len(self._starts):
            earned += self.rate * float(self._counts @ self.method.shares(self._clock - self._starts + 1))
        return min((1.0 - self.method.candidate) * earned, self.method.candidate or 1.0)

    def decide(self, p_values: Iterable[float]) -> NDArray[np.bool_]:
        """Whether each of the next rows is a discovery, shape (n_rows,); one without a p-value is not."""
        found, highest = [], math.inf
        for p_value in p_values:
            is_found = p_value <= highest  # the level does not rise until the next discovery
            if is_found:
                highest = self.level()
                is_found = p_value <= highest
            self._clock += self.method.ticks(p_value)
            if is_found:
                self._discover()
                highest = math.inf
            found.append(is_found)
        return np.array(found, dtype=bool)

    def get_state(self) -> dict[str, Any]:
        """What was seen, as JSON."""
        return {
            "rows": self._clock,
            "first": self._first,
            "others": self._starts.tolist(),
            "counts": self._counts.tolist(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``get_state`` returned; raises ValueError for anything else.

        Earlier releases had no counts, and listed each discovery.
        """
        first, others = state["first"], state["others"]
        self._clock, self._merged = int(state["rows"]), 0
        self._first = None if first is None else int(first)
        self._starts = np.array(others, dtype=np.int64)
        self._counts = np.array(state.get("counts", [1] * len(others)), dtype=np.int64)
        if self._starts.ndim != 1 or self._starts.shape != self._counts.shape:
            raise ValueError(f"wanted a count for each of {len(others)} blocks, got {self._counts.size}")

    def _share_of(self, clock: int) -> float:
        return float(self.method.shares(np.array([self._clock - clock + 1]))[0])

    def _discover(self) -> None:
        if self._first is None:
            self._first = self._clock
        elif len(self._starts) and self._starts[-1] == self._clock:
            self._counts[-1] += 1
        else:
            self._starts = np.append(self._starts, self._clock)
            self._counts = np.append(self._counts, 1)

    def _merge(self) -> None:
        """Count old discoveries in blocks that begin at multiples of their width, a power of two."""
        now = self._clock - self._clock % _STEP
        if now == self._merged:
            return
        self._merged, starts, width = now, self._starts, 2
        while (is_old := starts - starts % width + width + max(EXACT, FINENESS * width) <= now).any():
            starts = np.where(is_old, starts - starts % width, starts)
            width *= 2
        self._starts, places = np.unique(starts, return_inverse=True)
        self._counts = np.bincount(places, weights=self._counts).astype(np.int64)

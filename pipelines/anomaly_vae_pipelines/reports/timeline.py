"""Timeline: counts and severities over rows or over time, in at most 64 bins whatever their number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_BINS = 64
"""Most bins; if values need more, all bins become twice as wide."""


class Timeline:
    """Counts rows in equal bins of a place: the number of the row, or its time in seconds.

    The result does not depend on how rows are divided into blocks, and places may come in any order.

    Examples
    --------
    >>> line = Timeline()
    >>> line.add(np.array([0, 1, 2]), np.array([5.0, 30.0, 1.0]), np.array([False, True, False]))
    >>> [(one["start"], one["rows"], one["alerts"], one["highest"]) for one in line.bins()]
    [(0, 1, 0, 5.0), (1, 1, 1, 30.0), (2, 1, 0, 1.0)]
    """

    def __init__(self) -> None:
        self.width = 1
        self._bins: dict[int, tuple[int, int, float]] = {}

    def add(self, places: NDArray[Any], severities: NDArray[np.float64], flagged: NDArray[np.bool_]) -> None:
        """Add rows by place, severity and whether they are flagged, each of shape (n_rows,)."""
        if not len(places):
            return
        units = np.floor(places).astype(np.int64)
        self._widen(int(units.min()), int(units.max()))
        keys, inverse = np.unique(units // self.width, return_inverse=True)
        rows, alerts = np.bincount(inverse), np.bincount(inverse, weights=flagged)
        highest = np.full(len(keys), -np.inf)
        np.maximum.at(highest, inverse, severities)
        for key, n, k, top in zip(
            keys.tolist(), rows.tolist(), alerts.tolist(), highest.tolist(), strict=True
        ):
            self._count(self._bins, key, (n, int(k), top))

    def bins(self) -> list[dict[str, Any]]:
        """The bins that have rows, in order: start, rows, alerts, highest severity."""
        return [
            {"start": key * self.width, "rows": n, "alerts": k, "highest": top}
            for key, (n, k, top) in sorted(self._bins.items())
        ]

    def _widen(self, low: int, high: int) -> None:
        """Make bins wide enough for places from ``low`` to ``high``."""
        if self._bins:
            low = min(low, min(self._bins) * self.width)
            high = max(high, max(self._bins) * self.width)
        while high // self.width - low // self.width >= MAX_BINS:
            self.width *= 2
            wider: dict[int, tuple[int, int, float]] = {}
            for key, counts in self._bins.items():
                self._count(wider, key // 2, counts)
            self._bins = wider

    @staticmethod
    def _count(bins: dict[int, tuple[int, int, float]], key: int, new: tuple[int, int, float]) -> None:
        n, k, top = bins.get(key, (0, 0, -np.inf))
        bins[key] = n + new[0], k + new[1], max(top, new[2])

"""QuantileSketch: quantiles of a stream of scores in constant memory, with a relative error of at most 1 %.

Masson, Rim & Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees", VLDB 12(12): values are counted in buckets whose bounds grow geometrically.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_ACCURACY = 0.01
_LOG_GROWTH = math.log((1.0 + _ACCURACY) / (1.0 - _ACCURACY))
_LEAST = 1e-9
_SHIFT = 1 << 20


class QuantileSketch:
    """Counts values by sign and magnitude, in buckets 2 % wide.

    Examples
    --------
    >>> sketch = QuantileSketch()
    >>> sketch.add(np.arange(1.0, 1001.0))
    >>> abs(sketch.quantile(0.5) / 500.0 - 1.0) < 0.01
    True
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts = Counter(counts or {})

    def add(self, values: NDArray[np.float64]) -> None:
        """Add values, shape (n,)."""
        sizes = np.maximum(np.abs(values), _LEAST)
        buckets = np.ceil(np.log(sizes) / _LOG_GROWTH).astype(np.int64) + _SHIFT
        found, counts = np.unique(np.where(values < 0, -buckets, buckets), return_counts=True)
        self._counts.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))

    def merge(self, other: QuantileSketch) -> None:
        """Add the values of another sketch; the result is that of one sketch of all values."""
        self._counts.update(other._counts)

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the values lies; NaN if there are no values."""
        if not self._counts:
            return math.nan
        rank, seen = share * (self._counts.total() - 1), 0
        bucket = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen > rank:
                break
        size = math.exp((abs(bucket) - _SHIFT) * _LOG_GROWTH) * (1.0 - _ACCURACY)
        return math.copysign(size, bucket)

    def get_state(self) -> dict[str, int]:
        """Return the counts as JSON values."""
        return {str(bucket): count for bucket, count in self._counts.items()}

    @classmethod
    def from_state(cls, state: Mapping[str, int]) -> QuantileSketch:
        """Restore a sketch from what ``get_state`` returned."""
        return cls({int(bucket): count for bucket, count in state.items()})

"""ScoreBins: counts of scores by bin, on a scale for long tails, with the threshold between two bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LONG_TAIL = 8.0
"""A scale is linear unless the lowest score is further below the median, in widths of the bulk."""


class ScoreScale:
    """A scale of nats: linear, or logarithmic on both sides beyond ``width`` from ``center``.

    Parameters
    ----------
    center, width : float
        In nats.
    is_linear : bool
    """

    def __init__(self, center: float, width: float, is_linear: bool) -> None:
        self.center, self.width, self.is_linear = center, width, is_linear

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """The scale for some scores, shape (n_rows,)."""
        low, center, high = np.quantile(scores, [0.25, 0.5, 0.75])
        width = max(float(high - center), 1e-9 * max(abs(float(center)), 1.0))
        return cls(float(center), width, bool(scores.min() > center - _LONG_TAIL * max(high - low, width)))

    def forward(self, nats: ArrayLike) -> Floats:
        """Places of scores on the scale."""
        distance = (np.asarray(nats, dtype=np.float64) - self.center) / self.width
        return distance if self.is_linear else np.arcsinh(distance)

    def inverse(self, at: ArrayLike) -> Floats:
        """Scores at places of the scale."""
        distance = np.asarray(at, dtype=np.float64)
        return self.center + self.width * (distance if self.is_linear else np.sinh(distance))

    def ticks(self, low: float, high: float) -> list[float]:
        """Round numbers at about equal distances on the axis."""
        first, last = self.forward([low, high])
        places = np.linspace(first, last, 6)
        spacing = float(places[1] - places[0])
        kept: list[float] = []
        for nats in self.inverse(places):
            unit = 10.0 ** max(np.floor(np.log10(max(abs(nats), 1.0))), 0.0)
            tick = float(np.round(nats / unit) * unit)
            apart = all(abs(self.forward(tick) - self.forward(other)) > 0.75 * spacing for other in kept)
            if low <= tick <= high and apart:
                kept.append(tick)
        return kept


@dataclass(frozen=True)
class ScoreBins:
    """Counts of scores by bin, for one or more groups of rows.

    Attributes
    ----------
    edges : list of float
        Edges of the bins in nats, ascending, one more than bins.
    n_below : int
        Bins below the threshold, which is an edge.
    counts : dict of lists of int
        Scores in each bin, by group.
    """

    edges: list[float]
    n_below: int
    counts: dict[str, list[int]]

    @classmethod
    def of(cls, groups: Mapping[str, Floats], offset: float, n_bins: int = 40) -> Self:
        """Count the scores of groups, shape (n_rows,) each and not all empty, for a threshold in nats."""
        scores = np.concatenate([*groups.values(), [offset]])
        scale = ScoreScale.of(scores)
        low, high = float(scores.min()), float(scores.max())
        if high == low or (high == offset and (scores[:-1] == offset).any()):
            high += max(abs(high), 1.0) * 1e-3  # a score at the threshold is not below it
        first, threshold, last = scale.forward([low, offset, high])
        n_below = round(n_bins * float((threshold - first) / (last - first)))
        n_below = min(max(n_below, int(offset > low)), n_bins - int(offset < high))
        places = [
            *np.linspace(first, threshold, n_below + 1)[:-1],
            *np.linspace(threshold, last, n_bins - n_below + 1),
        ]
        # The ends and the threshold exactly, because a place and back may be another float.
        edges = scale.inverse(places)
        edges[[0, n_below, -1]] = low, offset, high
        edges[:n_below] = np.clip(edges[:n_below], low, offset)
        edges[n_below:] = np.clip(edges[n_below:], offset, high)
        counts = {name: np.histogram(values, edges)[0].tolist() for name, values in groups.items()}
        return cls(edges.tolist(), n_below, counts)

    def to_json(self) -> dict[str, Any]:
        """The attributes as JSON values."""
        return asdict(self)

"""Localisation: how well heat finds anomalous pixels and anomalous regions, in constant memory.

Heat is counted in bins of constant relative width, so that its range need not be known in advance: a bin
is the first 20 bits of a 32-bit float, of which 11 are fraction. Values of heat that differ by less than
one part in 2000 may count as equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Heat = NDArray[np.float64]
Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]

FPR_LIMIT = 0.3
"""False-positive rate up to which PRO is integrated (Bergmann et al. 2020, section 6)."""

_DROPPED_BITS = 12
_N_BINS = 1 << (32 - _DROPPED_BITS)
_TOUCHING = np.ones((3, 3), dtype=bool)


class Localisation:
    """Histograms of heat inside and outside masks.

    Examples
    --------
    >>> found = Localisation()
    >>> mask = np.array([[True, False], [False, False]])
    >>> found.add(np.array([[3.0, 0.1], [0.2, 0.1]]), mask)
    >>> found.pixel_auroc(), found.pro()
    (1.0, 1.0)
    """

    def __init__(self) -> None:
        self._normal = np.zeros(_N_BINS, dtype=np.int64)
        self._anomalous = np.zeros(_N_BINS, dtype=np.int64)
        self._overlap = np.zeros(_N_BINS, dtype=np.float64)
        self.n_images, self.n_regions = 0, 0

    def add(self, heat: Heat, mask: Bools) -> None:
        """Add an image: its heat and its mask of anomalous pixels, both (height, width)."""
        from scipy.ndimage import label

        bins = bins_of(heat)
        self._normal += _counts(bins[~mask])
        self._anomalous += _counts(bins[mask])
        regions, n_regions = label(mask, structure=_TOUCHING)
        for region in range(1, n_regions + 1):
            inside, counts = np.unique(bins[regions == region], return_counts=True)
            self._overlap[inside] += counts / counts.sum()
        self.n_images, self.n_regions = self.n_images + 1, self.n_regions + int(n_regions)

    def __iadd__(self, other: Localisation) -> Localisation:
        """Add the images of another."""
        self._normal += other._normal
        self._anomalous += other._anomalous
        self._overlap += other._overlap
        self.n_images, self.n_regions = self.n_images + other.n_images, self.n_regions + other.n_regions
        return self

    def pixel_auroc(self) -> float | None:
        """Probability that an anomalous pixel is hotter than a normal one; None without one of each."""
        if not self._normal.any() or not self._anomalous.any():
            return None
        false, true = _curve(self._normal), _curve(self._anomalous)
        return _area(false, true)

    def pro(self) -> float | None:
        """Mean share of a region that is found, over false-positive rates up to 0.3; in 0..1.

        The per-region overlap of Bergmann et al. 2020: every connected region has the same weight,
        whatever its size. None without regions or normal pixels.
        """
        if not self._normal.any() or not self.n_regions:
            return None
        false, overlap = _curve(self._normal), _curve(self._overlap)
        end = np.interp(FPR_LIMIT, false, overlap)
        within = false <= FPR_LIMIT
        return _area(np.append(false[within], FPR_LIMIT), np.append(overlap[within], end)) / FPR_LIMIT


def bins_of(heat: Heat) -> NDArray[np.uint32]:
    """The bin of each value of heat; bins are monotonic in heat."""
    bits = (heat.astype(np.float32) + np.float32(0.0)).view(np.uint32)  # a negative zero becomes zero
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return np.asarray(ordered >> _DROPPED_BITS, dtype=np.uint32)


def _counts(bins: NDArray[np.uint32]) -> Counts:
    return np.bincount(bins, minlength=_N_BINS)


def _curve(histogram: NDArray[Any]) -> NDArray[np.float64]:
    """Share at or above each bin, from the hottest bin down, from 0 to 1."""
    shares = np.concatenate([[0.0], np.cumsum(histogram[::-1])])
    return np.asarray(np.minimum(shares / shares[-1], 1.0))


def _area(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Area by the trapezoidal rule."""
    return float(np.clip(np.trapezoid(y, x), 0.0, 1.0))

"""CategoryColumns: integer codes to one-hot cells, with one cell for unseen categories.

A code is the position of a category, or -1 where the value is missing. The hot and the cold cell of
category k are (1 - p_k) / s_k and -p_k / s_k, where p_k is its frequency and s_k approximates its standard
deviation. Cells have mean 0, and only the hot cell of a span is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MISSING = -1
"""Code of a missing value."""

_LEAST_VARIANCE = 0.01
"""Added to p (1 - p): a category in one of a million rows gets a cell of bounded size."""


class CategoryColumns:
    """One-hot blocks of columns of codes, learned from how often each code occurs.

    Parameters
    ----------
    widths : sequence of int
        Number of categories of each column, ascending.
    frequencies : array of shape (sum(widths),)
        Smoothed share of each category among the rows where the column is present.
    """

    def __init__(self, widths: Sequence[int], frequencies: Floats) -> None:
        self.widths, self.frequencies = tuple(widths), frequencies
        self.scale = np.sqrt(frequencies * (1.0 - frequencies) + _LEAST_VARIANCE)
        self.starts = np.concatenate([[0], np.cumsum(self.widths)]).astype(np.int64)

    @classmethod
    def fit(cls, codes: Codes, widths: Sequence[int]) -> CategoryColumns:
        """Learn from codes of shape (n_rows, n_columns)."""
        shares = [_frequencies(codes[:, j], width) for j, width in enumerate(widths)]
        return cls(widths, np.concatenate([np.zeros(0), *shares]))

    def transform(self, codes: Codes) -> Floats:
        """Cells of shape (n_rows, sum(widths)); all cells of a missing value are NaN."""
        cold, hot = -self.frequencies / self.scale, (1.0 - self.frequencies) / self.scale
        cells = np.repeat(cold[None, :], len(codes), axis=0)
        for j, (start, stop) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            rows = np.flatnonzero(codes[:, j] != MISSING)
            cells[rows, start + codes[rows, j]] = hot[start + codes[rows, j]]
            cells[codes[:, j] == MISSING, start:stop] = np.nan
        return cells

    def inverse_transform(self, cells: Floats) -> Codes:
        """The likeliest codes, shape (n_rows, n_columns), of probabilities of shape (n_rows, sum(widths))."""
        spans = zip(self.starts, self.starts[1:], strict=False)
        codes = [cells[:, start:stop].argmax(axis=1) for start, stop in spans]
        return np.stack(codes, axis=1) if codes else np.zeros((len(cells), 0), dtype=np.int64)

    def get_state(self) -> dict[str, Any]:
        """The learned arrays, by name."""
        return {"widths": np.array(self.widths, dtype=np.int64), "frequencies": self.frequencies}


def _frequencies(codes: Codes, width: int) -> Floats:
    """Smoothed share of each code: half a row is added to each category."""
    counts = np.bincount(codes[codes != MISSING], minlength=width) + 0.5
    return np.asarray(counts / counts.sum())

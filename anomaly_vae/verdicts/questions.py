"""next_questions: the rows whose verdicts would help most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.verdicts.correction import Correction
from anomaly_vae.verdicts.process import probability, similarities

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_BLOCK = 1024


def next_questions(correction: Correction, scores: Floats, features: Singles, n: int) -> NDArray[np.int64]:
    """Positions of n rows to ask about, the most useful first.

    The use of a row is the probability that it is anomalous times its difference, from 0 to 1, from every row
    that was judged or is already chosen. So the worst rows come first, those near the threshold before rows
    that are surely normal, and of several like rows one. Of rows of equal use the worst is next.

    Parameters
    ----------
    correction : Correction
    scores, features : arrays of shape (n_rows,) and (n_rows, n_features)
        Of the rows to choose from, before any verdict.
    n : int
        At most ``n_rows``.
    """
    logits = correction.logits(scores, features)
    x, width = correction.scale.standardised(features), correction.scale.width
    difference = _difference(x, correction.scale.standardised(correction.log.features), width)
    chances, chosen = probability(logits), np.zeros(n, dtype=np.int64)
    is_open = np.ones(len(x), dtype=bool)
    for position in range(n):
        use = np.where(is_open, chances * difference, -1.0)
        best = np.flatnonzero(use == use.max())
        chosen[position] = row = best[logits[best].argmax()]
        is_open[row] = False
        difference = np.minimum(difference, _difference(x, x[row : row + 1], width))
    return chosen


def _difference(x: Singles, others: Singles, width: float) -> Floats:
    """Difference of each row of x from the most similar one of the others, from 0 to 1."""
    nearest = np.zeros(len(x), dtype=np.float32)
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        nearest[rows] = similarities(x[rows], others, width).max(axis=1, initial=0.0)
    return 1.0 - nearest.astype(np.float64)

"""False-discovery control of a batch of any length, in two passes and constant memory.

Benjamini & Hochberg (1995), "Controlling the false discovery rate", JRSS B 57(1). It is valid for
conformal p-values, although they share their calibration rows (Bates et al. 2023, Theorem 2): the expected
share of normal rows among the flagged rows is at most the rate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae.thresholds import can_guarantee, least_false_alarm_rate, rounded_up, ways_out

Floats = NDArray[np.float64]

_GRADES_PER_DECADE = 100
_LEAST_EXPONENT = -300


class FalseDiscovery:
    """Counts of the p-values of a batch, added block by block, and the cutoff that follows from them.

    Conformal p-values take one of n_calibration + 1 values, so counts are sufficient. Below the lowest of
    them, where a tail estimates p-values, each power of ten is divided into 100 bins: a p-value counts as
    the upper end of its bin.

    Parameters
    ----------
    n_calibration : int
        Calibration rows that the p-values come from.

    Examples
    --------
    >>> import numpy as np
    >>> batch = FalseDiscovery(n_calibration=999)
    >>> for block in ([0.001, 0.001, 0.4], [0.9, 0.09, 0.002]):
    ...     batch.add(np.array(block))
    >>> batch.cutoff(0.1)
    0.002
    """

    def __init__(self, n_calibration: int) -> None:
        self.n_calibration = n_calibration
        self._grid = _attainable(n_calibration)
        self._counts = np.zeros(len(self._grid), dtype=np.int64)

    @property
    def n_rows(self) -> int:
        """Rows counted so far."""
        return int(self._counts.sum())

    def least_discoveries(self, rate: float) -> int:
        """The fewest rows that can be flagged at a rate, all of them below every calibration row.

        Conformal p-values are too coarse to distinguish fewer rows from chance. That takes more calibration
        rows, or p-values of a tail.
        """
        return max(1, math.ceil(self.n_rows * least_false_alarm_rate(self.n_calibration) / rate))

    def add(self, p_values: Floats) -> None:
        """Count a block of p-values, shape (n_rows,); raises InputError for a value outside 0 to 1."""
        if not ((p_values >= 0.0) & (p_values <= 1.0)).all():
            wrong = p_values[~((p_values >= 0.0) & (p_values <= 1.0))][0]
            raise InputError(f"a p-value must be a number from 0 to 1, got {wrong}")
        grades = np.searchsorted(self._grid, p_values, side="left")
        self._counts += np.bincount(grades, minlength=len(self._grid))

    def cutoff(self, rate: float) -> float | None:
        """The largest p-value that is flagged at a false-discovery rate; None if no row is flagged.

        A row is flagged if its p-value is at most the cutoff. Raises InputError for a rate that is not
        between 0 and 1.
        """
        if not 0.0 < rate < 1.0:
            raise InputError(f"a false-discovery rate must be between 0 and 1, got {rate!r}")
        up_to = np.cumsum(self._counts)
        seen = np.flatnonzero(self._counts)
        low = seen[self._grid[seen] * (self.n_rows / up_to[seen]) <= rate]
        return float(self._grid[low[-1]]) if len(low) else None


def check_discovery(rate: float, n_calibration: int) -> None:
    """Raise InputError for a false-discovery rate at which conformal p-values can never flag a row.

    That is a rate below the lowest p-value: even a batch of anomalies only is then not told from chance. A
    batch with normal rows needs more, see ``FalseDiscovery.least_discoveries``.
    """
    if not can_guarantee(rate, n_calibration):
        lowest = f"{rounded_up(least_false_alarm_rate(n_calibration)):g}"
        raise InputError(
            f"a false-discovery rate of {rate:g} flags no row, whatever the rows, with "
            f"{ways_out(rate, n_calibration, lowest)}"
        )


def _attainable(n_calibration: int) -> Floats:
    """Upper ends of the bins of p-values, ascending: those of a tail, then all conformal p-values."""
    conformal = np.arange(1.0, n_calibration + 2.0) / (n_calibration + 1.0)
    highest = np.log10(least_false_alarm_rate(n_calibration))
    n_grades = int((highest - _LEAST_EXPONENT) * _GRADES_PER_DECADE)
    tail = 10.0 ** np.linspace(_LEAST_EXPONENT, highest, n_grades, endpoint=False)
    return np.concatenate([tail, conformal])

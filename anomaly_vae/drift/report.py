"""DriftReport: how rows differ from those of calibration, column by column.

The effect is the total variation distance, for numbers as for categories: the share of rows that would have
to be others for the two samples to agree, from 0 to 1. Numbers count in tenths of the calibration rows, and a
missing cell is a value of its own. The test is the chi-squared test of homogeneity of both samples, which
takes into account that the calibration sample is finite, with Holm's correction for the number of columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.drift.coding import MISSING
from anomaly_vae.drift.reference import Aspect

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

EFFECT = 0.1
"""Least effect of a column that drifted by its test; given enough rows a test detects any difference."""

_N_PARTS = 10
_CLEAR = 0.01


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How one column, or the score, differs from calibration.

    Attributes
    ----------
    name : str
    kind : str
        As in the schema; "latent" and "score" besides.
    effect : float or None
        Total variation distance of the values from those of calibration, 0 to 1; None if they are not
        compared.
    shift : float or None
        Difference of the mean normal scores of a number, in standard deviations; positive if it is larger.
    p_value : float or None
        p-value of the difference, corrected for the number of columns.
    missing, calibration_missing : float or None
        Share of missing cells now and in calibration.
    unseen : float or None
        Share of categories that were not in the training rows, or of numbers beyond all of calibration.
    nats : float or None
        Change of the mean contribution to the score, in nats; negative if the column is less normal.
    alerts : float or None
        Change of the share of flagged rows that the column explains, by its shares in their shortfalls.
    since : int or None
        The row after which the martingale found the first change; None if it found none.
    aspects : tuple of {"values", "missing", "nats"}
        In what it found a change, the first one first.
    drifted : bool
        Whether the test or the martingale found a change.
    """

    name: str
    kind: str
    effect: float | None = None
    shift: float | None = None
    p_value: float | None = None
    missing: float | None = None
    calibration_missing: float | None = None
    unseen: float | None = None
    nats: float | None = None
    alerts: float | None = None
    since: int | None = None
    aspects: tuple[Aspect, ...] = ()
    drifted: bool = False


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """How rows differ from those of calibration.

    Attributes
    ----------
    n_rows, n_calibration : int
        Rows that were compared.
    rate : float
        The most that the probability is that a column, or the score, of independent rows like those of
        calibration counts as drifted.
    alert_rate, calibration_alert_rate : float or None
        Shares of flagged rows; None without rows.
    since : int or None
        The row after which the martingale found the first change of any column.
    columns : tuple of ColumnDrift
        In the order of the table; ``latent`` last.
    score : ColumnDrift
        The same for the score.
    """

    n_rows: int
    n_calibration: int
    rate: float
    alert_rate: float | None
    calibration_alert_rate: float
    since: int | None
    columns: tuple[ColumnDrift, ...]
    score: ColumnDrift

    @property
    def drifted(self) -> bool:
        """Whether a column or the score drifted."""
        return bool(self.moved) or self.score.drifted

    @property
    def moved(self) -> tuple[str, ...]:
        """The columns that drifted, the likeliest cause first.

        Columns whose values moved come before those of which only the nats did, as those of a column also
        depend on the other columns; then the first to move, and then the largest effect.
        """
        drifted = [column for column in self.columns if column.drifted]
        return tuple(column.name for column in sorted(drifted, key=_cause))


def _cause(column: ColumnDrift) -> tuple[bool, float, float]:
    only_nats = column.aspects == ("nats",) and not (column.p_value or 1.0) <= _CLEAR
    since = float("inf") if column.since is None else float(column.since)
    return only_nats, since, -(column.effect or 0.0)


@dataclass(frozen=True)
class Difference:
    """The difference of two counts of codes: total variation distance, and the p-value of the test."""

    effect: float
    p_value: float


def difference(counts: Counts, calibration: Counts, kind: Literal["number", "category"]) -> Difference | None:
    """The difference of counts by code, shape (N_CODES,), from those of calibration; None without rows."""
    if not counts.sum() or not calibration.sum():
        return None
    parts = _parts(calibration) if kind == "number" else np.arange(len(counts))
    both = np.array([np.bincount(parts, weights=each) for each in (counts, calibration)], dtype=np.float64)
    shares = both / both.sum(axis=1, keepdims=True)
    return Difference(float(np.abs(shares[0] - shares[1]).sum() / 2.0), _homogeneity(both))


def shift(counts: Counts, calibration: Counts) -> float | None:
    """Difference of the mean normal scores of ordered codes, in standard deviations; None without rows."""
    from statistics import NormalDist

    counts, calibration = counts[:MISSING], calibration[:MISSING]
    if not counts.sum() or not calibration.sum():
        return None
    below = np.cumsum(calibration) - 0.5 * calibration
    shares = (below + 0.5) / (calibration.sum() + 1.0)
    scores = np.array([NormalDist().inv_cdf(float(share)) for share in shares])
    return float(scores @ (counts / counts.sum()) - scores @ (calibration / calibration.sum()))


def holm(p_values: Floats) -> Floats:
    """p-values corrected for their number, whatever their dependence (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    factors = np.arange(len(p_values), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return corrected


def _parts(calibration: Counts) -> NDArray[np.int64]:
    """Tenths of the calibration rows as runs of codes; a missing cell has one of its own."""
    n_rows = int(calibration[:MISSING].sum())
    middle = np.cumsum(calibration[:MISSING]) - 0.5 * calibration[:MISSING]
    parts = np.minimum(middle * _N_PARTS / max(n_rows, 1), _N_PARTS - 1).astype(np.int64)
    return np.append(parts, _N_PARTS)


def _homogeneity(counts: Floats) -> float:
    """p-value of the chi-squared test that two rows of counts have the same shares."""
    counts = _pooled(counts)
    if counts.shape[1] < 2:
        return 1.0
    totals = counts.sum(axis=0)
    expected = np.outer(counts.sum(axis=1) / totals.sum(), totals)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return chi_square_tail(statistic, counts.shape[1] - 1)


def chi_square_tail(statistic: float, n_degrees: int) -> float:
    """Probability that a chi-squared number of some degrees of freedom, at least 1, exceeds a statistic.

    A finite sum (Abramowitz & Stegun 1964, 26.4.4 and 26.4.5). SciPy has it, but importing ``scipy.special``
    takes longer than comparing thousands of rows.
    """
    half, last = 0.5 * statistic, 0.5 * n_degrees
    if half <= 0.0:
        return 1.0
    order, total = (0.5, math.erfc(math.sqrt(half))) if n_degrees % 2 else (1.0, math.exp(-half))
    while order < last:
        total += math.exp(order * math.log(half) - half - math.lgamma(order + 1.0))
        order += 1.0
    return min(total, 1.0)


def _pooled(counts: Floats) -> Floats:
    """The counts with those that are too small for the test together: fewer than five rows expected."""
    totals = counts.sum(axis=0)
    expected = totals * counts.sum(axis=1).min() / totals.sum()
    rare = expected < 5.0
    pooled = np.concatenate([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)], axis=1)
    return pooled[:, pooled.sum(axis=0) > 0]

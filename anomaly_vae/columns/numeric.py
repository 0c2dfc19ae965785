"""NumericColumns: a block of float columns centred, scaled and, where heavy-tailed, logged.

The encoded cell of a value v is squash((u - center) / scale), where u is v itself or, in a
heavy-tailed column, the signed logarithm sign(v) log(1 + |v| / unit). squash is the identity up to
``LINEAR`` scales and grows like a logarithm beyond, so that 1e300 and infinity have finite cells
and large values keep their order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LINEAR = 10.0
"""Cells up to here are linear in the value, in scales of the column."""

LOG_GAIN = 1.0
"""A column is logged only if this raises its Gaussian log likelihood by at least this many nats per row."""

LOG_KURTOSIS = 20.0
"""A column with a smaller excess kurtosis is not heavy-tailed and is never logged."""

HUGE = 1e140
"""Magnitudes, including infinity, are clipped to this value, whose square is still finite."""


@dataclass(frozen=True)
class NumericColumns:
    """An invertible map from raw floats to cells of order one, learned column by column.

    Parameters
    ----------
    center, scale : array of shape (n_columns,)
        Location and spread of the (logged) values.
    unit : array of shape (n_columns,)
        Unit of the signed logarithm; NaN where the column is not logged.
    low, high : array of shape (n_columns,)
        Smallest and largest finite training value.
    is_integer : array of shape (n_columns,)
        Whether all training values are integers.
    """

    center: Floats
    scale: Floats
    unit: Floats
    low: Floats
    high: Floats
    is_integer: Bools

    @classmethod
    def fit(cls, values: Floats) -> NumericColumns:
        """Learn from raw values of shape (n_rows, n_columns); NaN and infinities are ignored."""
        learned = [_fit_column(values[:, j]) for j in range(values.shape[1])]
        columns = np.array(learned, dtype=np.float64).reshape(len(learned), len(fields(cls))).T
        center, scale, unit, low, high, is_integer = columns
        return cls(center, scale, unit, low, high, is_integer.astype(bool))

    @property
    def is_logged(self) -> Bools:
        """Which columns are logged, shape (n_columns,)."""
        return ~np.isnan(self.unit)

    def transform(self, values: Floats) -> Floats:
        """Cells of raw values, both of shape (n_rows, n_columns); NaN stays NaN."""
        with np.errstate(over="ignore"):
            cells = self._logged(values) - self.center
            cells /= self.scale
        if (np.abs(cells) > LINEAR).any():
            cells = squash(np.clip(cells, -HUGE, HUGE))
        return cells

    def inverse_transform(self, cells: Floats) -> Floats:
        """Raw values of cells, both of shape (n_rows, n_columns)."""
        with np.errstate(over="ignore", invalid="ignore"):
            values: Floats = unsquash(cells) * self.scale + self.center
            logged = np.sign(values) * np.expm1(np.abs(values)) * self.unit
        return np.asarray(np.clip(np.where(self.is_logged, logged, values), -HUGE, HUGE))

    def log_jacobian(self, values: Floats) -> Floats:
        """Log of |d cell / d value| in nats, shape (n_rows, n_columns); 0 where the value is missing."""
        values = np.clip(values, -HUGE, HUGE)
        with np.errstate(over="ignore", divide="ignore"):
            linear = (self._logged(values) - self.center) / self.scale
            slope = -np.log(self.scale) - np.log1p(np.maximum(np.abs(linear) - LINEAR, 0.0))
            logged = -np.log(self.unit + np.abs(values))
        return np.asarray(np.nan_to_num(slope + np.where(self.is_logged, logged, 0.0), nan=0.0))

    def get_state(self) -> dict[str, Any]:
        """The learned arrays, by name."""
        return dict(vars(self))

    def _logged(self, values: Floats) -> Floats:
        if not self.is_logged.any():
            return values
        with np.errstate(invalid="ignore"):
            return np.where(self.is_logged, _signed_log(np.clip(values, -HUGE, HUGE), self.unit), values)


def _fit_column(values: Floats) -> tuple[float, float, float, float, float, bool]:
    """Center, scale, unit, low, high and whether all are integers, of one column."""
    known = np.clip(values[np.isfinite(values)], -HUGE, HUGE)
    if not len(known):
        return 0.0, 1.0, np.nan, 0.0, 0.0, False
    is_integer = bool((known == np.rint(known)).all())
    unit = _log_unit(known, is_integer)
    center, scale = _location_scale(known if np.isnan(unit) else _signed_log(known, unit))
    return center, scale, unit, float(known.min()), float(known.max()), is_integer


def _location_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the values between their outer fences.

    The fences lie five quartile ranges outside the quartiles, so that a few extreme values move neither.
    If the quartiles are equal, they are computed from the other values.
    """
    first, third = np.quantile(values, [0.25, 0.75])
    common = first
    if first == third and (values != common).any():
        first, third = np.quantile(values[values != common], [0.25, 0.75])
    reach = 5.0 * (third - first)
    if reach > 0:
        values = np.clip(values, min(first, common) - reach, max(third, common) + reach)
    center, scale = float(values.mean()), float(values.std())
    return center, scale if scale > 0 else 1.0


def _log_unit(values: Floats, is_integer: bool) -> float:
    """Unit of the signed log if the column is heavy-tailed, else NaN.

    A column is logged if its kurtosis is large and a Gaussian of the logged values, including the change
    of variables, is more likely than a Gaussian of the raw values by ``LOG_GAIN`` nats per row. Values are
    clipped to the 1st and 99th percentile first, because a few extreme values are not a heavy tail.
    """
    values = np.clip(values, *np.quantile(values, [0.01, 0.99]))
    spread = values.std()
    if not spread > 0 or np.mean(((values - values.mean()) / spread) ** 4) - 3.0 < LOG_KURTOSIS:
        return np.nan
    sizes = np.abs(values[values != 0])
    unit = 1.0 if is_integer else float(np.median(sizes))
    logged = _signed_log(values, unit)
    gain = np.log(spread) - np.log(logged.std()) - np.mean(np.log(unit + np.abs(values)))
    return unit if gain > LOG_GAIN else np.nan


def _signed_log(values: Floats, unit: Floats | float) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values) / unit))


def squash(cells: Floats) -> Floats:
    """Cells whose part beyond ``LINEAR`` is a logarithm."""
    beyond = np.maximum(np.abs(cells) - LINEAR, 0.0)
    return np.asarray(np.clip(cells, -LINEAR, LINEAR) + np.sign(cells) * np.log1p(beyond))


def unsquash(cells: Floats) -> Floats:
    """The inverse of ``squash``."""
    beyond = np.maximum(np.abs(cells) - LINEAR, 0.0)
    return np.asarray(np.clip(cells, -LINEAR, LINEAR) + np.sign(cells) * np.expm1(beyond))

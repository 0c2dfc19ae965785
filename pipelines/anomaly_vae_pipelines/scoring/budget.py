"""Alert budgets: alerts per day and rows per day give a false-alarm rate.

A budget limits false alarms, the alerts about normal rows. Alerts about anomalies come in addition.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import CellError, InputError
from anomaly_vae.tails import Tail
from anomaly_vae.thresholds import can_guarantee, least_false_alarm_rate, rounded_up, ways_out
from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rows

if TYPE_CHECKING:
    import pandas as pd

SECONDS_PER_DAY = 86_400.0

_OFFSET = r"[T ]\d.*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"

_WANTED = "a time (ISO 8601, such as 2026-01-31T08:00:00Z, or seconds), as in earlier rows"


def rate_of_budget(alerts_per_day: float, rows_per_day: float) -> float:
    """Return ``alerts_per_day / rows_per_day``, a false-alarm rate between 0 and 1.

    Raises InputError for numbers that are not positive, and for at least as many alerts as rows.

    Examples
    --------
    >>> rate_of_budget(alerts_per_day=5, rows_per_day=20_000)
    0.00025
    """
    for name, value in (("alerts", alerts_per_day), ("rows", rows_per_day)):
        if not (value > 0.0 and math.isfinite(value)):
            raise InputError(f"the {name} per day must be a positive number, got {value:g}")
    if alerts_per_day >= rows_per_day:
        raise InputError(
            f"{alerts_per_day:g} alerts per day of {rows_per_day:.4g} rows per day is an alert for every "
            "row; choose fewer alerts than rows"
        )
    return alerts_per_day / rows_per_day


def reachable_rate(alerts_per_day: float, rows_per_day: float, n_calibration: int, tail: Tail) -> float:
    """Return ``rate_of_budget``, if the calibration rows can guarantee it or ``tail`` is "gpd".

    Raises InputError as ``rate_of_budget`` does, and with the lowest budget if there are too few rows.
    """
    rate = rate_of_budget(alerts_per_day, rows_per_day)
    if tail == "empirical" and not can_guarantee(rate, n_calibration):
        lowest = rounded_up(rows_per_day * least_false_alarm_rate(n_calibration))
        raise InputError(
            f"{alerts_per_day:g} alerts per day of {rows_per_day:.4g} rows per day is a false-alarm rate of "
            f"{rate:g}, which cannot be guaranteed from "
            f"{ways_out(rate, n_calibration, f'{lowest:g} alerts per day')}"
        )
    return rate


class RowRate:
    """Measures rows per day from the times of rows, block by block, in any order and in constant memory.

    Parameters
    ----------
    column : str
        Name of the column of times, for messages.

    Examples
    --------
    >>> rate = RowRate("when")
    >>> rate.add(["2026-01-01T00:00:00Z", "2026-01-01T08:00:00Z"])
    >>> rate.add(["2026-01-01T16:00:00Z", "2026-01-02T00:00:00Z"])
    >>> rate.rows_per_day()
    3.0
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self.n_rows = 0
        self._earliest, self._latest = math.inf, -math.inf
        self._in_seconds: bool | None = None

    def add(self, cells: Sequence[str]) -> None:
        """Count the rows of a block and read their times, all in ISO 8601 or all in seconds.

        Times without an offset are in UTC. A row without a time is also counted. Raises CellError for a cell
        that is not a valid time, or is in the other notation than the cells before it.
        """
        times = self.seconds(cells)
        self.n_rows += len(times)
        known = times[~np.isnan(times)]
        if len(known):
            self._earliest = min(self._earliest, float(known.min()))
            self._latest = max(self._latest, float(known.max()))

    def rows_per_day(self) -> float:
        """Return the number of rows after the first, divided by the days between the first and the last time.

        Raises InputError without two different times.
        """
        if not self._latest > self._earliest:
            seen = "no time" if self._latest == -math.inf else "only one time"
            raise InputError(
                f"column {self.column!r} contains {seen} in {self.n_rows:,} rows; wanted times that span "
                f"a day or more, or --rows-per-day"
            )
        return (self.n_rows - 1) * SECONDS_PER_DAY / (self._latest - self._earliest)

    def seconds(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Convert times to seconds, NaN if missing; raises CellError at the first invalid time."""
        import pandas as pd

        texts = pd.Series(cells, dtype="str").str.strip()
        texts = texts.mask(texts.isin(MISSING))
        present = texts.notna().to_numpy()
        if self._in_seconds is None and present.any():
            first = texts[present].head(1)
            self._in_seconds = bool(pd.to_numeric(first, errors="coerce").notna().all())
        times = _numbers(texts) if self._in_seconds else _moments(texts)
        wrong = np.flatnonzero(present & ~np.isfinite(times))
        if len(wrong):
            raise CellError(self.column, int(wrong[0]), texts.iloc[wrong[0]], _WANTED)
        return times


def rows_per_day(pieces: Iterable[Rows], column: str) -> float:
    """Return the rows per day of the blocks of a file, from their column of times.

    Raises SourceError for an invalid time, and InputError without two different times.
    """
    rate = RowRate(column)
    for rows in pieces:
        try:
            rate.add(rows.cells(column))
        except CellError as error:
            problem = f"column {column!r}: wanted {error.wanted}, got {error.value!r}"
            raise SourceError(rows.source, int(rows.numbers[error.row]), problem) from error
    return rate.rows_per_day()


def _numbers(texts: pd.Series) -> NDArray[np.float64]:
    import pandas as pd

    return pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _moments(texts: pd.Series) -> NDArray[np.float64]:
    """Convert ISO 8601 times to seconds since 1970, NaN if invalid."""
    import pandas as pd

    # Parsed separately: pandas 2.2 gives a text without an offset the offset of the text before it.
    has_offset = texts.str.contains(_OFFSET, na=False).to_numpy(dtype=bool)
    seconds = np.full(len(texts), np.nan)
    for part in (has_offset, ~has_offset):
        moments = pd.to_datetime(texts[part], format="ISO8601", utc=True, errors="coerce")
        seconds[part] = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds

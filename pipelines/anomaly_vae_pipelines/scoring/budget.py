"""Alert budgets: so many alerts a day, of so many rows a day, to a false-alarm rate.

A budget is of false alarms: it says how often normal rows may call. Anomalies come on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomaly_vae.errors import CellError, InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.records import Rows
from anomaly_vae_pipelines.sources.cells import MISSING

SECONDS_PER_DAY = 86_400.0

_OFFSET = r"[T ]\d.*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)\s*$"

_WANTED = "a time (ISO 8601, such as 2026-01-31T08:00:00Z, or seconds), as in the rows before"


def rate_of_budget(alerts_per_day: float, rows_per_day: float) -> float:
    """The false-alarm rate of so many false alarms among so many rows a day, between 0 and 1.

    Raises InputError for numbers that are not positive, and for a budget that every row could use up.

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
            f"{alerts_per_day:g} alerts per day of {rows_per_day:.4g} rows per day is an alert a row; ask "
            f"for fewer alerts than there are rows"
        )
    return alerts_per_day / rows_per_day


class RowRate:
    """Measures rows a day from the times of rows, block by block, in any order and constant memory.

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
        """Count the rows of a block by their times: ISO 8601, without an offset in UTC, or all in seconds.

        A row whose time is missing counts as a row. Raises CellError for a cell that is no time, or not one
        of the same kind as those before.
        """
        texts = pd.Series(cells, dtype="str").str.strip()
        times = self._seconds(texts.mask(texts.isin(MISSING)))
        self.n_rows += len(times)
        known = times[~np.isnan(times)]
        if len(known):
            self._earliest = min(self._earliest, float(known.min()))
            self._latest = max(self._latest, float(known.max()))

    def rows_per_day(self) -> float:
        """Rows that follow the first, over the time that they take; raises InputError without two times."""
        if not self._latest > self._earliest:
            seen = "no time" if self._latest == -math.inf else "one time only"
            raise InputError(
                f"column {self.column!r} holds {seen} in {self.n_rows:,} rows; wanted times over a day "
                f"or more, or the rows per day themselves (--rows-per-day)"
            )
        return (self.n_rows - 1) * SECONDS_PER_DAY / (self._latest - self._earliest)

    def _seconds(self, texts: pd.Series) -> NDArray[np.float64]:
        """Times in seconds, NaN where missing; raises CellError at the first that is none."""
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
    """Rows a day of pieces of a file, by their column of times.

    Raises SourceError for a cell that is no time, and InputError where there are no two times.
    """
    rate = RowRate(column)
    for piece in pieces:
        add_times(rate, piece)
    return rate.rows_per_day()


def add_times(rate: RowRate, rows: Rows) -> None:
    """Count rows by their times; raises SourceError, which names the line, for a cell that is no time."""
    try:
        rate.add(rows.cells(rate.column))
    except CellError as error:
        problem = f"column {rate.column!r}: wanted {error.wanted}, got {error.value!r}"
        raise SourceError(rows.source, int(rows.numbers[error.row]), problem) from error


def _numbers(texts: pd.Series) -> NDArray[np.float64]:
    return pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _moments(texts: pd.Series) -> NDArray[np.float64]:
    """Seconds since 1970, NaN where a text is no ISO 8601 time."""
    # Parsed apart: pandas 2.2 gives a text without an offset the offset of the text before it.
    has_offset = texts.str.contains(_OFFSET, na=False).to_numpy(dtype=bool)
    seconds = np.full(len(texts), np.nan)
    for part in (has_offset, ~has_offset):
        moments = pd.to_datetime(texts[part], format="ISO8601", utc=True, errors="coerce")
        seconds[part] = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return seconds

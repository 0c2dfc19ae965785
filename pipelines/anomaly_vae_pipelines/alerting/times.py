"""Times: durations as people write them, the times of rows, and the clock, which tests can replace."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import AlertingWarning

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""A larger number is not a time in seconds; it may be in milliseconds."""


@dataclass(frozen=True)
class Clock:
    """The source of time: seconds since 1970, seconds that never decrease, and a sleep in seconds."""

    now: Callable[[], float] = time.time
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``30s``, ``15m``, ``2h`` or ``1d``; raises ValueError.

    >>> seconds_of("1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smhd])", text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _SECONDS[found[2]]


def duration_text(seconds: float) -> str:
    """A duration in its largest whole unit.

    >>> duration_text(5400)
    '90m'
    """
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0 or unit == "s")
    return f"{seconds / _SECONDS[unit]:g}{unit}"


def time_of(cell: str) -> float:
    """Seconds since 1970 of a cell: ISO 8601 (UTC where no zone is given) or seconds; NaN for anything else.

    >>> time_of("1970-01-01T01:00:00+00:00"), time_of("12.5")
    (3600.0, 12.5)
    """
    try:
        moment = datetime.fromisoformat(cell) if not _is_number(cell) else None
    except ValueError:
        return np.nan
    if moment is None:
        seconds = float(cell)
    else:
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return seconds if 0 <= seconds <= _LAST else np.nan


def row_times(
    column: str, cells: Sequence[str], before: float, *, is_known: bool = False
) -> NDArray[np.float64]:
    """Seconds since 1970 of each row, shape (n_rows,); a row without a time gets that of the row before it.

    Parameters
    ----------
    column : str
        Name of the column, for messages.
    cells : sequence of str
        Its cells.
    before : float
        The time of rows before the first that has one.
    is_known : bool
        Whether earlier rows show that the column has times.

    Raises
    ------
    InputError
        If there are cells and none of them is a time, unless ``is_known``.

    Warns
    -----
    AlertingWarning
        If some cells are not a time.
    """
    times = np.fromiter(map(time_of, cells), dtype=np.float64, count=len(cells))
    unknown = np.isnan(times)
    bad = [cells[i] for i in np.flatnonzero(unknown).tolist() if cells[i]]
    if bad and unknown.all() and not is_known:
        raise InputError(
            f"time column {column!r}: wanted ISO 8601, or seconds since 1970, got {bad[0]!r}; "
            "name another column, or remove time to use the clock"
        )
    if bad:
        text = f"time column {column!r}: {len(bad)} cells are not a time, the first {bad[0]!r}"
        warnings.warn(f"{text}; their rows get the time of the row before", AlertingWarning, stacklevel=3)
    last = np.maximum.accumulate(np.where(unknown, -1, np.arange(len(times))))
    return np.where(last < 0, before, times[last])


def _is_number(cell: str) -> bool:
    if cell[4:5] == "-" and cell[:4].isdigit():
        return False  # A year. This test decides for most cells, of which there may be millions.
    return re.fullmatch(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*", cell) is not None

"""Numbers, text and times read from the cells of a column of any type; other cells raise an error.

pandas is imported where it is used: a table of numbers does without.
"""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import CellError, CellTypeError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

_CELL_TYPES = (str, bytes, numbers.Number, np.generic, decimal.Decimal, datetime.date, datetime.timedelta)
_MOST = int(np.finfo(np.float64).max)
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6}
"""Steps per second of the units of time that are read directly; nanoseconds are truncated to microseconds."""

_WHOLE = re.compile(r"\s*[+-]?[0-9]{300,}\s*")
ISO_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}(?:$|[T\s])")
_NOT_A_TIME = np.datetime64("NaT", "us")
_FIRST, _LAST = (np.datetime64(bound // 1000, "us") for bound in (-(2**63) + 1, 2**63 - 1))
"""The range of times that nanoseconds can represent."""

_UTC_OFFSET = re.compile(r"(?<=:\d{2})(\.\d+)?\s*(Z|[+-]\d{2}(:?\d{2})?)\s*$")


def same_number(numbers: Floats, value: float) -> NDArray[np.bool_]:
    """Whether numbers equal a constant, up to floating-point rounding."""
    with np.errstate(over="ignore"):
        return np.asarray(np.abs(numbers - value) <= 1e-15 * abs(value))


def read_numbers(cells: pd.Series | NDArray[Any], name: str) -> Floats:
    """Floats of shape (n_rows,), also from text; raises CellError at the first cell that is not a number.

    An array must hold numbers.
    """
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64, copy=False)
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        reject_cells(cells, cells.notna(), name, "a number")
    if pd.api.types.is_timedelta64_dtype(cells.dtype):
        return np.asarray(cells.dt.total_seconds(), dtype=np.float64)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    values = [_finite_int(cell) for cell in cells.astype(object).where(cells.notna(), None)]
    numbers = pd.Series(pd.to_numeric(pd.Series(values, dtype=object), errors="coerce"))
    reject_cells(cells, numbers.isna().to_numpy() & cells.notna(), name, "a number")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def _finite_int(cell: object) -> object:
    """The cell; infinity for an integer too large for a float, seconds for a duration."""
    import pandas as pd

    if isinstance(cell, datetime.timedelta | np.timedelta64):
        return pd.Timedelta(cell).total_seconds()
    if isinstance(cell, int) and not -_MOST <= cell <= _MOST:
        return math.inf if cell > 0 else -math.inf
    if isinstance(cell, str) and len(cell) >= 300 and _WHOLE.fullmatch(cell):
        return float(cell)
    return cell


def check_cell_types(cells: pd.Series, name: str) -> None:
    """Raise CellTypeError at the first present cell that is not text, a number, a boolean or a date."""
    if cells.dtype != np.dtype(object):
        return
    for row, (cell, present) in enumerate(zip(cells, cells.notna(), strict=True)):
        if present and not isinstance(cell, _CELL_TYPES):
            raise CellTypeError(name, row, cell)


def as_text(cells: pd.Series) -> pd.Series:
    """Cells as text; integers have no decimal point, so that 1, 1.0 and "1" are one category."""
    import pandas as pd

    if isinstance(cells.dtype, pd.StringDtype):
        return cells
    present = cells.notna().to_numpy()
    texts = np.full(len(cells), None, dtype=object)
    texts[present] = [_text(cell) for cell in cells[present].astype(object)]
    return pd.Series(texts, index=cells.index, dtype=object)


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def read_seconds(cells: pd.Series, name: str) -> Floats:
    """Seconds since 1970 in the local time of the column; NaN where missing."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(cells.dtype) and not isinstance(cells.dtype, pd.ArrowDtype):
        times = cells.dt.tz_localize(None)
    else:
        local = [_local_time(cell) for cell in cells.astype(object)]
        times = parse_times(pd.Series(local, index=cells.index, dtype=object))
        wanted = "a date and time such as 2026-01-31T12:00:00"
        reject_cells(cells, times.isna() & cells.notna(), name, wanted)
    steps = times.to_numpy()
    unit = np.datetime_data(steps.dtype)[0]
    if unit not in _PER_SECOND:
        steps, unit = steps.astype("datetime64[us]"), "us"
    return np.where(np.isnat(steps), np.nan, steps.astype(np.int64) / _PER_SECOND[unit])


def parse_times(cells: pd.Series, *, utc: bool = False) -> pd.Series:
    """Times of ISO 8601 text and of dates, in UTC or in local time; NaT for anything else.

    pandas 2 uses nanoseconds, whose range ends in 2262; numpy reads times outside this range.
    """
    import pandas as pd

    times = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=utc).dt.tz_localize(None)
    far = (times.isna() & cells.notna()).to_numpy()
    if not far.any():
        return times
    steps = times.to_numpy().astype("datetime64[us]")
    steps[far] = [_far_time(_local_time(cell)) for cell in cells[far]]
    return pd.Series(steps, index=cells.index)


def _far_time(cell: Any) -> np.datetime64:
    """A time outside the range of nanoseconds; NaT for any other cell, which pandas has already read."""
    if cell is None or (isinstance(cell, str) and not ISO_DATE.match(cell)):
        return _NOT_A_TIME
    try:
        time = np.datetime64(cell.strip() if isinstance(cell, str) else cell, "us")
    except ValueError:
        return _NOT_A_TIME
    return _NOT_A_TIME if _FIRST <= time <= _LAST else time


def _local_time(cell: object) -> object:
    """The local time of a cell, without its UTC offset; None for a cell that is not a time."""
    if isinstance(cell, datetime.datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, str):
        return _UTC_OFFSET.sub(r"\1", cell)
    return cell if isinstance(cell, datetime.date | np.datetime64) else None


def reject_cells(cells: pd.Series, bad: pd.Series | NDArray[np.bool_], name: str, wanted: str) -> None:
    """Raise CellError at the first bad cell."""
    rows = np.flatnonzero(np.asarray(bad, dtype=bool))
    if len(rows):
        row, cell = int(rows[0]), cells.iloc[int(rows[0])]
        raise (
            CellError(name, row, cell, wanted)
            if isinstance(cell, _CELL_TYPES)
            else CellTypeError(name, row, cell)
        )

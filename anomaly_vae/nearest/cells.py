"""Rows in a common form to search in, and changed cells in the form and type of the given table.

In the common form numbers are floats, categories texts, and times microseconds without a time zone. A row has
the same score in both forms.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.cells import as_text, read_numbers, read_seconds
from anomaly_vae.columns.readers import (
    BooleanReader,
    CategoryReader,
    ConstantReader,
    DatetimeReader,
    NumberReader,
    Reader,
)

if TYPE_CHECKING:
    import pandas as pd

_OTHER = "<other>"
_WEEK = np.timedelta64(7 * 24 * 3600, "s")


def common_form(X: pd.DataFrame, readers: Sequence[Reader]) -> pd.DataFrame:
    """The rows in the common form, with an index of their positions."""
    import pandas as pd

    columns = {j: _common(X.iloc[:, j], reader) for j, reader in enumerate(readers)}
    frame = pd.DataFrame(columns)
    frame.columns = pd.Index([reader.name for reader in readers])
    return frame


def fitting(expected: pd.DataFrame, rows: pd.DataFrame, readers: Sequence[Reader]) -> pd.DataFrame:
    """Expected rows in the common form, as replacements of cells of ``rows``.

    A category that stands for rare ones becomes the most frequent one; a time moves by whole weeks to the one
    that is nearest to the time in ``rows``.
    """
    import pandas as pd

    columns = {
        j: _replacement(expected.iloc[:, j], rows.iloc[:, j], reader) for j, reader in enumerate(readers)
    }
    frame = pd.DataFrame(columns)
    frame.columns = rows.columns
    return frame


def written(values: Sequence[Any], cells: pd.Series, reader: Reader) -> list[Any]:
    """Values of the common form as the given table writes them: like the cells that they replace."""
    return [
        _like(value, cell, reader, cells) for value, cell in zip(values, cells.astype(object), strict=True)
    ]


def typed(cells: pd.Series, dtype: Any) -> Any:
    """A column of objects with the type that it had, if that type can hold all of them."""
    import pandas as pd

    is_missing = cells.isna()
    if pd.api.types.is_integer_dtype(dtype):
        whole = all(float(cell).is_integer() for cell in cells[~is_missing])
        nullable = pd.api.types.is_extension_array_dtype(dtype)
        if whole and (nullable or not is_missing.any()):
            return cells.astype(dtype)
        return cells.astype("Float64" if nullable else np.float64)
    if (
        pd.api.types.is_bool_dtype(dtype)
        and is_missing.any()
        and not pd.api.types.is_extension_array_dtype(dtype)
    ):
        return cells
    if isinstance(dtype, pd.CategoricalDtype):
        new = [cell for cell in pd.unique(cells[~is_missing]) if cell not in dtype.categories]
        dtype = pd.CategoricalDtype([*dtype.categories, *new], dtype.ordered)
    try:
        return cells.astype(dtype)
    except (TypeError, ValueError):
        return cells


def _common(cells: pd.Series, reader: Reader) -> Any:
    if isinstance(reader, NumberReader) or (
        isinstance(reader, ConstantReader) and isinstance(reader.value, float)
    ):
        return read_numbers(cells, reader.name)
    if isinstance(reader, DatetimeReader):
        return _times(read_seconds(cells, reader.name))
    if isinstance(reader, BooleanReader):
        (codes,) = reader.read(cells)[1]
        return np.array([None, False, True], dtype=object)[codes + 1]
    if isinstance(reader, CategoryReader | ConstantReader):
        texts = as_text(cells).astype(object)
        return texts.where(texts.notna(), None).to_numpy()
    return cells.astype(object).to_numpy()


def _times(seconds: NDArray[np.float64]) -> NDArray[Any]:
    times = np.full(len(seconds), np.datetime64("NaT", "us"))
    known = ~np.isnan(seconds)
    times[known] = np.rint(seconds[known] * 1e6).astype(np.int64).astype("datetime64[us]")
    return times


def _replacement(expected: pd.Series, cells: pd.Series, reader: Reader) -> Any:
    if isinstance(reader, CategoryReader):
        texts = expected.astype(object).to_numpy()
        if _OTHER not in reader.categories and reader.categories:
            texts = np.where(texts == _OTHER, reader.categories[0], texts)
        return texts
    if isinstance(reader, DatetimeReader):
        times, before = (
            expected.to_numpy().astype("datetime64[us]"),
            cells.to_numpy().astype("datetime64[us]"),
        )
        weeks = np.where(np.isnat(before), 0.0, (before - times) / _WEEK)
        return times + np.rint(weeks).astype(np.int64) * _WEEK
    if isinstance(reader, BooleanReader):
        return expected.astype(object).to_numpy()
    return expected.to_numpy()


def _like(value: Any, cell: Any, reader: Reader, cells: pd.Series) -> Any:
    """One value in the form of the cell that it replaces."""
    import pandas as pd

    if value is None or value != value:
        return None
    if isinstance(reader, BooleanReader):
        return _like_boolean(bool(value), cell)
    if isinstance(reader, DatetimeReader):
        time = pd.Timestamp(value)
        if isinstance(cells.dtype, pd.DatetimeTZDtype):
            return time.tz_localize(cells.dtype.tz, nonexistent="shift_forward", ambiguous=True)
        if isinstance(cell, str):
            return time.isoformat()
        return time
    if isinstance(reader, NumberReader):
        if isinstance(cell, datetime.timedelta | np.timedelta64) or pd.api.types.is_timedelta64_dtype(
            cells.dtype
        ):
            return pd.Timedelta(float(value), unit="s")
        number = int(value) if isinstance(cell, int) and float(value).is_integer() else float(value)
        return str(number) if isinstance(cell, str) else number
    if isinstance(reader, CategoryReader) and pd.api.types.is_bool_dtype(cells.dtype):
        return value
    return _like_number(value, cell) if isinstance(reader, CategoryReader) else value


def _like_boolean(value: bool, cell: Any) -> Any:
    if isinstance(cell, str):
        text = str(value)
        if cell.strip("01.") == "":
            return str(int(value))
        return text.lower() if cell.islower() else text.upper() if cell.isupper() else text
    is_number = isinstance(cell, int | float | np.number) and not isinstance(cell, bool | np.bool_)
    return type(cell)(value) if is_number and cell == cell else value


def _like_number(text: Any, cell: Any) -> Any:
    """A category that is a number in the table, such as a code in a column of objects."""
    if isinstance(cell, int | float | np.number) and not isinstance(cell, bool | np.bool_) and cell == cell:
        try:
            return type(cell)(text)
        except ValueError:
            return text
    return text

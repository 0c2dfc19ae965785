"""choose_readers: the kinds of the columns, from their cells in the training table."""

from __future__ import annotations

import datetime
import decimal
import numbers
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomaly_vae.columns.categorical import Floats
from anomaly_vae.columns.cells import (
    ISO_DATE,
    as_text,
    check_cell_types,
    parse_times,
    read_numbers,
    same_number,
)
from anomaly_vae.columns.readers import (
    AbsentReader,
    BooleanReader,
    CategoryReader,
    ConstantReader,
    DatetimeReader,
    IdentifierReader,
    NumberReader,
    Reader,
)
from anomaly_vae.columns.table import Table, holds_numbers
from anomaly_vae.errors import IdentifierColumnWarning, SchemaError
from anomaly_vae.schema import LEFT_OUT

IDENTIFIER_ROWS = 20
"""With fewer rows than this, no column is an identifier."""

IDENTIFIER_SHARE = 0.95
"""A text column with more distinct values than this share of its rows is an identifier."""

RISING_SHARE = 0.3
"""A column of integers that never decreases, and increases in more than this share of rows, is a counter."""

_NUMBERS = numbers.Number | np.number | decimal.Decimal | datetime.timedelta


def choose_readers(X: Table, names: Sequence[str], kinds: Mapping[str, str]) -> list[Reader]:
    """The reader of each column of a training table; ``kinds`` has those that the user said, by name.

    Raises SchemaError for the name of a column that the table does not have.
    """
    unknown = [name for name in kinds if name not in names]
    if unknown:
        raise SchemaError(f"column_kinds: {unknown[0]!r} is not a column of the table: {_shown(names)}")
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    if isinstance(X, np.ndarray) and holds_numbers(X):
        found = [_array_reader(X[:, j], name) for j, name in enumerate(names)]
        return [
            choose_reader(frame.iloc[:, j], name, kinds[name]) if name in kinds else reader
            for j, (name, reader) in enumerate(zip(names, found, strict=True))
        ]
    return [choose_reader(frame.iloc[:, j], name, kinds.get(name)) for j, name in enumerate(names)]


def any_missing(X: Table) -> NDArray[np.bool_]:
    """Which columns have a missing cell, shape (n_columns,)."""
    return np.asarray(np.asarray(pd.isna(X)).any(axis=0), dtype=bool)


def choose_reader(cells: pd.Series, name: str, said: str | None = None) -> Reader:
    """The reader for a training column; ``said`` is one of ``COLUMN_KINDS``, if the user said its kind.

    The dtype distinguishes numbers, booleans, dates and text; in object columns the types of the cells do.
    Text is read as dates if all of it is in ISO 8601. A column with one value is constant. Text with almost
    no repeated value, and integers that increase with the rows, are identifiers: a warning names them.
    """
    if said in LEFT_OUT:
        return IdentifierReader(name)
    check_cell_types(cells, name)
    present = cells[cells.notna()]
    if not len(present):
        return AbsentReader(name)
    kind = _kind(present) if said is None else said
    if kind == "numeric":
        return _number_reader(cells if said else present, name, may_count=said is None)
    if kind == "datetime":
        return DatetimeReader.learn(name, cells if said else present)
    if kind == "boolean":
        return BooleanReader(name)
    texts = as_text(present)
    n_distinct = texts.nunique()
    if n_distinct == 1:
        return ConstantReader(name, str(texts.iloc[0]))
    is_long = len(texts) >= IDENTIFIER_ROWS and said is None
    if is_long and n_distinct > IDENTIFIER_SHARE * len(texts):
        return _identifier(name, f"{n_distinct} distinct texts in {len(texts)} rows")
    return CategoryReader.learn(name, texts)


def _array_reader(values: NDArray[Any], name: str) -> Reader:
    """The reader of a column of an array; its columns are chosen, so that none is an identifier."""
    floats = values.astype(np.float64)
    if np.isnan(floats).all():
        return AbsentReader(name)
    value = constant_value(floats)
    return NumberReader(name) if value is None else ConstantReader(name, value)


def constant_value(values: Floats) -> float | None:
    """The number that all present values equal, up to rounding; None if they differ."""
    low, high = np.nanmin(values), np.nanmax(values)
    return float(low) if np.isfinite(low) and bool(same_number(np.array([high]), float(low))[0]) else None


def _number_reader(cells: pd.Series, name: str, *, may_count: bool) -> Reader:
    values = read_numbers(cells, name)
    value = constant_value(values)
    if value is not None:
        return ConstantReader(name, value)
    if may_count and _is_counter(values):
        return _identifier(name, f"integers that only increase over {len(values)} rows")
    return NumberReader(name)


def _is_counter(values: Floats) -> bool:
    """Whether the values are integers that never decrease and mostly increase, like a counter or a clock."""
    if len(values) < IDENTIFIER_ROWS or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    return bool(
        (values == np.rint(values)).all() and (steps >= 0).all() and (steps > 0).mean() > RISING_SHARE
    )


def _identifier(name: str, reason: str) -> Reader:
    warnings.warn(
        f"column {name!r} looks like an identifier ({reason}) and is left out of the model. "
        f"To silence this warning, drop the column, or name it with --id or --ignore on the command line. If "
        f"it matters, reduce it to fewer categories, or shuffle rows that were sorted by it.",
        IdentifierColumnWarning,
        stacklevel=2,
    )
    return IdentifierReader(name)


def _kind(present: pd.Series) -> str:
    """One of numeric, boolean, datetime and text."""
    dtype = present.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return "numeric"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_object_dtype(dtype) or _is_arrow_duration(dtype):
        return _kind_of_objects(present)
    return "datetime" if _is_iso_dates(present) else "text"


def _is_arrow_duration(dtype: object) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and dtype.kind == "m"


def _kind_of_objects(present: pd.Series) -> str:
    types = set(map(type, present))
    if types <= {bool, np.bool_}:
        return "boolean"
    if all(issubclass(kind, datetime.date | np.datetime64) for kind in types):
        return "datetime"
    if all(issubclass(kind, _NUMBERS) for kind in types):
        return "numeric"
    return "datetime" if _is_iso_dates(present) else "text"


def _is_iso_dates(present: pd.Series) -> bool:
    if isinstance(present.dtype, pd.CategoricalDtype):
        return False
    texts = as_text(present)
    if not texts.head(100).str.match(ISO_DATE).all():
        return False
    return bool(parse_times(texts.astype(object), utc=True).notna().all())


def _shown(names: Sequence[str]) -> str:
    """Names of columns, cut at a length that fits a message."""
    text = ", ".join(names)
    return text if len(text) <= 100 else text[:97] + "..."

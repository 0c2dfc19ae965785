"""Readers: one column of raw cells to floats and codes, and back.

A reader knows one kind of column. It is learned from the training cells, reads later cells the same
way, refuses those that it cannot read by naming them, and restores values that a person can read.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomaly_vae.columns.categorical import MISSING, Codes, Floats
from anomaly_vae.errors import CellError, CellTypeError
from anomaly_vae.schema import Kind

MAX_CATEGORIES = 255
"""Most frequent categories that get a cell of their own; the others share the place of the unseen."""

_CELL_TYPES = (str, bytes, numbers.Number, np.generic, decimal.Decimal, datetime.date, datetime.timedelta)
_TRUTH = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY = 86_400.0


@dataclass(frozen=True)
class Reader(ABC):
    """How one column is read.

    Attributes
    ----------
    name : str
        The column's name, for messages.
    """

    name: str
    kind: ClassVar[Kind]
    n_numeric: ClassVar[int] = 0

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the categorical features that the column becomes."""
        return ()

    @property
    def detail(self) -> str:
        """What was learned, for a person to read."""
        return ""

    @abstractmethod
    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        """Floats and codes, each of shape (n_rows,); NaN and -1 where a cell is missing."""

    @abstractmethod
    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any] | pd.Series:
        """Cells of shape (n_rows,) from floats (n_rows, n_numeric) and codes (n_rows, len(widths))."""


@dataclass(frozen=True)
class NumberReader(Reader):
    """A number is itself."""

    kind = "numeric"
    n_numeric = 1

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        return [read_numbers(cells, self.name)], []

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return floats[:, 0]


@dataclass(frozen=True)
class BooleanReader(Reader):
    """A truth value is one of two categories."""

    kind = "boolean"

    @property
    def widths(self) -> tuple[int, ...]:
        return (2,)

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        texts = as_text(cells)
        codes = texts.str.lower().map(_TRUTH)
        _refuse(cells, codes.isna() & cells.notna(), self.name, "true or false")
        return [], [np.asarray(codes.fillna(MISSING), dtype=np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.asarray(codes[:, 0] == 1)


@dataclass(frozen=True)
class CategoryReader(Reader):
    """A text is one of the known categories, or the one place of all others."""

    categories: tuple[str, ...]
    kind = "categorical"

    @property
    def widths(self) -> tuple[int, ...]:
        return (len(self.categories) + 1,)

    @property
    def detail(self) -> str:
        return f"{len(self.categories)} categories"

    @classmethod
    def learn(cls, name: str, texts: pd.Series) -> CategoryReader:
        """Keep the most frequent categories, ties in order of the alphabet."""
        counts = texts.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        return cls(name, tuple(str(text) for text in counts.index[:MAX_CATEGORIES]))

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(as_text(cells), dtype=object))
        codes[codes < 0] = len(self.categories)
        codes[cells.isna().to_numpy()] = MISSING
        return [], [codes.astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.array([*self.categories, "<other>"], dtype=object)[codes[:, 0]]


@dataclass(frozen=True)
class DatetimeReader(Reader):
    """A moment is its weekday and its time of day on a circle; the date itself is not modelled.

    A date never comes again: a model that knew it would call all of the future anomalous.
    ``week`` is the Monday of the last week that was seen; restored moments lie in it.
    """

    week: float
    kind = "datetime"
    n_numeric = 2

    @property
    def widths(self) -> tuple[int, ...]:
        return (len(_WEEKDAYS),)

    @property
    def detail(self) -> str:
        return "weekday and time of day"

    @classmethod
    def learn(cls, name: str, cells: pd.Series) -> DatetimeReader:
        """Remember the last week."""
        last = float(np.nanmax(_seconds(cells, name)))
        return cls(name, last - (last + 3 * _DAY) % (7 * _DAY))

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        seconds = _seconds(cells, self.name)
        angle = 2.0 * np.pi * (seconds % _DAY) / _DAY
        weekday = np.where(np.isnan(seconds), MISSING, (seconds // _DAY + 3) % 7)
        return [np.sin(angle), np.cos(angle)], [weekday.astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> pd.Series:
        turn = np.arctan2(floats[:, 0], floats[:, 1]) / (2.0 * np.pi) % 1.0
        seconds = np.rint(self.week + codes[:, 0] * _DAY + turn * _DAY)
        return pd.Series(pd.to_datetime(seconds, unit="s"))


@dataclass(frozen=True)
class ConstantReader(Reader):
    """A column that never changed: its value, or anything else."""

    value: float | str
    kind = "constant"

    @property
    def widths(self) -> tuple[int, ...]:
        return (2,)

    @property
    def detail(self) -> str:
        return f"always {self.value:g}" if isinstance(self.value, float) else f"always {self.value!r}"

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        if isinstance(self.value, float):
            numbers = read_numbers(cells, self.name)
            missing, differs = np.isnan(numbers), ~same_number(numbers, self.value)
        else:
            missing, differs = cells.isna().to_numpy(), (as_text(cells) != self.value).to_numpy(dtype=bool)
        return [], [np.where(missing, MISSING, differs).astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.full(len(codes), self.value, dtype=float if isinstance(self.value, float) else object)


@dataclass(frozen=True)
class SilentReader(Reader, ABC):
    """A column with nothing to model beside whether it is there."""

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        return [], []

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.full(len(codes), np.nan)


@dataclass(frozen=True)
class IdentifierReader(SilentReader):
    """A column that names rows."""

    kind = "identifier"

    @property
    def detail(self) -> str:
        return "left out"


@dataclass(frozen=True)
class AbsentReader(SilentReader):
    """A column that was always missing."""

    kind = "constant"

    @property
    def detail(self) -> str:
        return "always missing"


READERS: dict[str, type[Reader]] = {
    reader.__name__: reader
    for reader in (
        NumberReader,
        BooleanReader,
        CategoryReader,
        DatetimeReader,
        ConstantReader,
        IdentifierReader,
        AbsentReader,
    )
}
"""Every reader by name, as a model file names it."""


def same_number(numbers: Floats, value: float) -> NDArray[np.bool_]:
    """Whether numbers equal a constant, up to the rounding of a float."""
    return np.asarray(np.abs(numbers - value) <= 1e-12 * max(abs(value), 1e-300))


def read_numbers(cells: pd.Series, name: str) -> Floats:
    """Floats of shape (n_rows,), text parsed; raises CellError at the first cell that is no number."""
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        _refuse(cells, cells.notna(), name, "a number")
    if pd.api.types.is_timedelta64_dtype(cells.dtype):
        return np.asarray(cells.dt.total_seconds(), dtype=np.float64)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    texts = cells.astype(object)
    numbers = pd.to_numeric(texts.where(texts.notna(), None), errors="coerce")
    _refuse(cells, numbers.isna() & cells.notna(), name, "a number")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def refuse_strange(present: pd.Series, name: str) -> None:
    """Raise CellTypeError at the first present cell that is no text, number, truth value or date."""
    strange = tuple(kind for kind in set(map(type, present)) if not issubclass(kind, _CELL_TYPES))
    if strange:
        row = next(i for i, cell in enumerate(present) if isinstance(cell, strange))
        raise CellTypeError(name, row, present.iloc[row])


def as_text(cells: pd.Series) -> pd.Series:
    """Cells as text, whole numbers without a point, so that 1, 1.0 and "1" are one category."""
    if isinstance(cells.dtype, pd.StringDtype):
        return cells
    return cells.astype(object).map(_text, na_action="ignore")


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def _seconds(cells: pd.Series, name: str) -> Floats:
    """Seconds since 1970 on the column's own clock; NaN where missing."""
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        moments = cells
    else:
        moments = pd.to_datetime(cells.astype(object), errors="coerce", format="ISO8601", utc=True)
        _refuse(cells, moments.isna() & cells.notna(), name, "a date and time such as 2026-01-31T12:00:00")
    if moments.dt.tz is not None:
        moments = moments.dt.tz_localize(None)
    seconds = (moments - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    return np.asarray(seconds, dtype=np.float64)


def _refuse(cells: pd.Series, bad: pd.Series, name: str, wanted: str) -> None:
    """Raise CellError at the first bad cell."""
    rows = np.flatnonzero(bad.to_numpy(dtype=bool))
    if len(rows):
        row, cell = int(rows[0]), cells.iloc[int(rows[0])]
        raise (
            CellError(name, row, cell, wanted)
            if isinstance(cell, _CELL_TYPES)
            else CellTypeError(name, row, cell)
        )

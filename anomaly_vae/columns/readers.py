"""Readers: one column of raw cells to floats and codes, and back.

Each reader handles one kind of column. It is learned from the training cells, reads later cells in the same
way, raises an error that names a cell it cannot read, and restores readable values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.bounded_json import is_writable
from anomaly_vae.columns.categorical import MISSING, Codes, Floats
from anomaly_vae.columns.cells import (
    as_text,
    check_cell_types,
    read_numbers,
    read_seconds,
    reject_cells,
    same_number,
)
from anomaly_vae.schema import Kind

if TYPE_CHECKING:
    import pandas as pd

MAX_CATEGORIES = 255
"""Most frequent categories that get a cell of their own; the others share one cell with unseen categories."""

BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}
"""Codes of texts of booleans, in lower case."""

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY = 86_400.0
"""Seconds."""


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
        """What was learned, as readable text."""
        return ""

    @property
    def reads_arrays(self) -> bool:
        """Whether ``read`` also takes an array of numbers, shape (n_rows,)."""
        return False

    @property
    def knows_all_values(self) -> bool:
        """Whether all values of the training rows are known, so that any other was never seen."""
        return False

    def unseen(self, cells: Any) -> NDArray[np.bool_]:
        """Which cells hold a value that no training row has, shape (n_rows,); missing ones do not."""
        return np.zeros(len(cells), dtype=bool)

    @abstractmethod
    def read(self, cells: Any) -> tuple[list[Floats], list[Codes]]:
        """Floats and codes of a Series, each of shape (n_rows,); NaN and -1 where a cell is missing."""

    @abstractmethod
    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any] | pd.Series:
        """Cells of shape (n_rows,) from floats (n_rows, n_numeric) and codes (n_rows, len(widths))."""


@dataclass(frozen=True)
class NumberReader(Reader):
    """Numbers, unchanged."""

    kind = "numeric"
    n_numeric = 1
    reads_arrays = True

    def read(self, cells: pd.Series | NDArray[Any]) -> tuple[list[Floats], list[Codes]]:
        return [read_numbers(cells, self.name)], []

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return floats[:, 0]


@dataclass(frozen=True)
class BooleanReader(Reader):
    """Booleans as two categories."""

    kind = "boolean"

    @property
    def widths(self) -> tuple[int, ...]:
        return (2,)

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        values = [BOOLEANS.get(text.lower()) if isinstance(text, str) else None for text in as_text(cells)]
        codes = np.array([MISSING if value is None else value for value in values], dtype=np.int64)
        reject_cells(cells, (codes == MISSING) & cells.notna(), self.name, "true or false")
        return [], [codes]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.asarray(codes[:, 0] == 1)


@dataclass(frozen=True)
class CategoryReader(Reader):
    """Text as one of the known categories, or as one category for all others."""

    categories: tuple[str, ...]
    kind = "categorical"

    @property
    def widths(self) -> tuple[int, ...]:
        return (len(self.categories) + 1,)

    @property
    def detail(self) -> str:
        return f"{len(self.categories)} categories"

    @property
    def knows_all_values(self) -> bool:
        return len(self.categories) < MAX_CATEGORIES

    def unseen(self, cells: pd.Series) -> NDArray[np.bool_]:
        if not self.knows_all_values:
            return super().unseen(cells)
        unseen = ~as_text(cells).isin(self.categories).to_numpy(dtype=bool)
        return unseen & cells.notna().to_numpy() if unseen.any() else unseen

    @classmethod
    def learn(cls, name: str, texts: pd.Series) -> CategoryReader:
        """Keep the most frequent categories, ties in alphabetical order."""
        counts = texts.value_counts().sort_index().sort_values(ascending=False, kind="stable")
        return cls(name, tuple(str(text) for text in counts.index[:MAX_CATEGORIES]))

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        import pandas as pd

        check_cell_types(cells, self.name)
        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(as_text(cells), dtype=object))
        codes[codes < 0] = len(self.categories)
        codes[cells.isna().to_numpy()] = MISSING
        return [], [codes.astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.array([*self.categories, "<other>"], dtype=object)[codes[:, 0]]


@dataclass(frozen=True)
class DatetimeReader(Reader):
    """Times as weekday and time of day on a circle; the date itself is not modelled.

    Dates do not recur: a model of them would flag all future rows.
    ``week`` is the Monday of the last week in the training data; restored times are in it.
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
        """Store the last week."""
        last = float(np.nanmax(read_seconds(cells, name)))
        return cls(name, last - (last + 3 * DAY) % (7 * DAY))

    def read(self, cells: pd.Series) -> tuple[list[Floats], list[Codes]]:
        seconds = read_seconds(cells, self.name)
        angle = 2.0 * np.pi * (seconds % DAY) / DAY
        weekday = np.where(np.isnan(seconds), MISSING, (seconds // DAY + 3) % 7)
        return [np.sin(angle), np.cos(angle)], [weekday.astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> pd.Series:
        import pandas as pd

        turn = np.arctan2(floats[:, 0], floats[:, 1]) / (2.0 * np.pi) % 1.0
        seconds = self.week + codes[:, 0] * DAY + np.rint(turn * DAY) % DAY
        return pd.Series(seconds.astype("datetime64[s]").astype("datetime64[us]"))


@dataclass(frozen=True)
class ConstantReader(Reader):
    """A column with one value in the training data, as two categories: that value and any other."""

    value: float | str
    kind = "constant"

    @property
    def widths(self) -> tuple[int, ...]:
        return (2,)

    @property
    def detail(self) -> str:
        return f"always {self.value:g}" if isinstance(self.value, float) else f"always {self.value!r}"

    @property
    def reads_arrays(self) -> bool:
        return isinstance(self.value, float)

    def read(self, cells: Any) -> tuple[list[Floats], list[Codes]]:
        if isinstance(self.value, float):
            numbers = read_numbers(cells, self.name)
            missing, differs = np.isnan(numbers), ~same_number(numbers, self.value)
        else:
            check_cell_types(cells, self.name)
            missing, differs = (
                cells.isna().to_numpy(),
                np.array([c != self.value for c in as_text(cells)], dtype=object),
            )
        return [], [np.where(missing, MISSING, differs).astype(np.int64)]

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.full(len(codes), self.value, dtype=float if isinstance(self.value, float) else object)

    @property
    def knows_all_values(self) -> bool:
        return True

    def unseen(self, cells: Any) -> NDArray[np.bool_]:
        return np.asarray(self.read(cells)[1][0] == 1)


@dataclass(frozen=True)
class OmittedReader(Reader, ABC):
    """A column that is left out of the model, except for its missing flag."""

    reads_arrays = True

    def read(self, cells: pd.Series | NDArray[Any]) -> tuple[list[Floats], list[Codes]]:
        return [], []

    def restore(self, floats: Floats, codes: Codes) -> NDArray[Any]:
        return np.full(len(codes), np.nan)


@dataclass(frozen=True)
class IdentifierReader(OmittedReader):
    """A column that identifies rows."""

    kind = "identifier"

    @property
    def detail(self) -> str:
        return "left out"


@dataclass(frozen=True)
class AbsentReader(OmittedReader):
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
"""Readers by the names that model files use."""

_MOST_SECONDS = 2.0**38
"""About 8,700 years before and after 1970: the range of the last week in the training data."""


def reader_from_state(state: Mapping[str, Any]) -> Reader:
    """The reader with this name and these learned values from JSON; raises ValueError if they are invalid."""
    learned = dict(state)
    kind = READERS[learned.pop("reader")]
    if set(learned) != {field.name for field in fields(kind)}:
        raise ValueError(f"a {kind.__name__} has other values than {', '.join(sorted(learned))[:50]}")
    for name, value in learned.items():
        if not _LEARNED[name](value):
            raise ValueError(f"{name!r} of a {kind.__name__} is not valid: {value!r:.50}")
    if "categories" in learned:
        learned["categories"] = tuple(learned["categories"])
    return kind(**learned)


def _are_categories(value: Any) -> bool:
    """Whether the value is a list of at most ``MAX_CATEGORIES`` distinct texts."""
    if not isinstance(value, list) or len(value) > MAX_CATEGORIES:
        return False
    return all(_is_text(text) for text in value) and len(set(value)) == len(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and is_writable(value)


_LEARNED: Mapping[str, Callable[[Any], bool]] = {
    "name": _is_text,
    "categories": _are_categories,
    "week": lambda value: isinstance(value, float) and abs(value) < _MOST_SECONDS,
    "value": lambda value: _is_text(value) or (isinstance(value, float) and not math.isnan(value)),
}

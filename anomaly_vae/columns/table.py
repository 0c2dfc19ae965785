"""TableEncoder: a raw table to one float32 matrix, and back.

The matrix holds numeric cells first and one-hot spans after them; a missing value is NaN in all its
cells. A column with missing training cells also has a flag {present, missing}, because a missing cell can
be informative.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.bounded_json import FREE_BYTES, read_json
from anomaly_vae.columns.categorical import CategoryColumns, Codes, Floats
from anomaly_vae.columns.numeric import NumericColumns
from anomaly_vae.columns.readers import (
    NumberReader,
    OmittedReader,
    Reader,
    reader_from_state,
)
from anomaly_vae.errors import CellError, SchemaError
from anomaly_vae.schema import LEFT_OUT, Column, Feature, Schema, Span

if TYPE_CHECKING:
    import pandas as pd

Table: TypeAlias = "pd.DataFrame | NDArray[Any]"

LATENT = "latent"
"""Name of the contribution of the latent space; no column may have this name."""

_FLAG_WIDTH = 2


class TableEncoder:
    """Encodes tables with one reader per column, and scales the values that the readers return.

    Parameters
    ----------
    readers : list of Reader
        One per column.
    flagged : array of shape (n_columns,)
        Which columns have a missing flag.
    numeric : NumericColumns
        Scaling of all numeric features, in order of the columns.
    categories : CategoryColumns
        One-hot blocks of all categorical features, ordered by width.

    Attributes
    ----------
    order : array of int, shape (n_categorical,)
        Positions of the categorical features, in order of the columns, ordered by width.
    """

    def __init__(
        self,
        readers: list[Reader],
        flagged: NDArray[np.bool_],
        numeric: NumericColumns,
        categories: CategoryColumns,
    ) -> None:
        self.readers, self.flagged = readers, flagged
        self.numeric, self.categories = numeric, categories
        self.order = _category_order(readers, flagged)
        self._only_numbers = all(isinstance(reader, NumberReader) for reader in readers) and not flagged.any()
        self.schema = self._schema()

    @classmethod
    def fit(
        cls,
        X: Table,
        counts: NDArray[np.int64] | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> TableEncoder:
        """Learn the readers and the scaling from a table of shape (n_rows, n_columns).

        With ``counts``, shape (n_rows,), the scaling and the frequencies count each row so often.
        ``kinds`` are those of ``COLUMN_KINDS`` that the user said, by column.

        Raises CellTypeError for a cell that is not text, a number, a boolean or a date; warns with
        IdentifierColumnWarning for columns that it leaves out.
        """
        from anomaly_vae.columns.kinds import any_missing, choose_readers

        kinds, names = kinds or {}, column_names(X)
        readers = choose_readers(X, names, kinds)
        flagged = any_missing(X) & [kinds.get(name) not in LEFT_OUT for name in names]
        floats, codes = _read(X, readers, flagged)
        if counts is not None:
            floats, codes = np.repeat(floats, counts, axis=0), np.repeat(codes, counts, axis=0)
        order = _category_order(readers, flagged)
        widths = _category_widths(readers, flagged)
        categories = CategoryColumns.fit(codes[:, order], [widths[k] for k in order])
        return cls(readers, flagged, NumericColumns.fit(floats), categories)

    def transform(self, X: Table) -> NDArray[np.float32]:
        """Encoded matrix of shape (n_rows, schema.n_cells); raises CellError where a cell cannot be read."""
        floats, codes = self._read(X)
        if not self.categories.widths:
            return self.numeric.transform(floats).astype(np.float32)
        cells = self.numeric.transform(floats), self.categories.transform(codes[:, self.order])
        return np.concatenate(cells, axis=1, dtype=np.float32)

    def log_jacobian(self, X: Table) -> Floats:
        """Nats to add to log densities of cells to get those of raw values, shape (n_rows, n_columns)."""
        floats, _ = self._read(X)
        terms = self.numeric.log_jacobian(floats)
        owners = np.repeat(np.arange(len(self.readers)), [reader.n_numeric for reader in self.readers])
        result = np.zeros((len(terms), len(self.readers)))
        np.add.at(result.T, owners, terms.T)
        return result

    def unseen(self, X: Table) -> dict[int, NDArray[np.bool_]]:
        """Which rows hold a value that no training row has, by column; only the columns with any.

        Masks of shape (n_rows,). A column of numbers has no such values, unless it was constant; nor has one
        with more categories than are kept.
        """
        limited = [(j, reader) for j, reader in enumerate(self.readers) if reader.knows_all_values]
        column = _columns(X) if limited else None
        masks = {j: reader.unseen(column(j, reader)) for j, reader in limited} if column else {}
        return {j: mask for j, mask in masks.items() if mask.any()}

    def inverse_transform(
        self, cells: NDArray[Any], *, drawn: bool = False, filled: bool = False
    ) -> pd.DataFrame:
        """Raw columns of a matrix whose one-hot cells are probabilities.

        With ``drawn=True`` the cells are a sample, not an expectation: integers are
        rounded, values stay in the training range, and a sampled missing flag empties its cell, unless
        ``filled``.
        """
        n_numeric = len(self.numeric.center)
        floats = self.numeric.inverse_transform(np.asarray(cells[:, :n_numeric], dtype=np.float64))
        if drawn:
            floats = np.clip(floats, self.numeric.low, self.numeric.high)
            floats = np.where(self.numeric.is_integer, np.rint(floats), floats)
        codes = np.empty((len(cells), len(self.order)), dtype=np.int64)
        codes[:, self.order] = self.categories.inverse_transform(cells[:, n_numeric:])
        return self._restore(floats, codes, drawn and not filled)

    def expected(self, cells: NDArray[Any]) -> Floats | pd.DataFrame:
        """``inverse_transform``, as an array of floats if all columns are numbers."""
        if not all(isinstance(reader, NumberReader) for reader in self.readers):
            return self.inverse_transform(cells)
        floats = np.asarray(cells[:, : len(self.readers)], dtype=np.float64)
        return self.numeric.inverse_transform(floats)

    def get_state(self) -> dict[str, Any]:
        """The learned state, as plain dictionaries, arrays and one JSON text."""
        return {
            "readers": json.dumps([_reader_state(reader) for reader in self.readers]),
            "flagged": self.flagged,
            "numeric": self.numeric.get_state(),
            "categories": self.categories.get_state(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableEncoder:
        """The encoder with a state returned by ``get_state``."""
        text = state["readers"]
        described = read_json(text, "readers", FREE_BYTES + 4 * len(text))
        readers = [reader_from_state(reader) for reader in described]
        categories, flagged = state["categories"], state["flagged"]
        if not isinstance(flagged, np.ndarray) or flagged.shape != (len(readers),) or flagged.dtype != bool:
            raise ValueError("'flagged' should hold one boolean per column")
        return cls(
            readers,
            flagged,
            NumericColumns(**state["numeric"]),
            CategoryColumns([int(width) for width in categories["widths"]], categories["frequencies"]),
        )

    @property
    def charged_when_missing(self) -> NDArray[np.bool_]:
        """Features that contribute to the score if the value is missing, shape (n_features,).

        For a column without missing training cells this is its first feature, because a missing cell is
        unusual there. A column with a flag contributes through the flag.
        """
        owners = np.array(self.schema.owners, dtype=np.int64)
        first = np.zeros(len(owners), dtype=bool)
        first[np.unique(owners, return_index=True)[1]] = True
        return np.asarray(first & ~self.flagged[owners])

    def _read(self, X: Table) -> tuple[Floats, Codes]:
        if self._only_numbers and holds_numbers(X):
            floats = X if isinstance(X, np.ndarray) else X.to_numpy(dtype=np.float64, na_value=np.nan)
            return floats.astype(np.float64, copy=False), np.zeros((len(X), 0), dtype=np.int64)
        return _read(X, self.readers, self.flagged)

    def _restore(self, floats: Floats, codes: Codes, drawn: bool) -> pd.DataFrame:
        import pandas as pd

        columns, i, k = {}, 0, 0
        for position, (reader, flagged) in enumerate(zip(self.readers, self.flagged, strict=True)):
            n_codes = len(reader.widths)
            cells = pd.Series(reader.restore(floats[:, i : i + reader.n_numeric], codes[:, k : k + n_codes]))
            i, k = i + reader.n_numeric, k + n_codes
            if flagged:
                cells = cells.mask(codes[:, k] == 1) if drawn else cells
                k += 1
            columns[position] = cells
        frame = pd.DataFrame(columns)
        frame.columns = pd.Index([reader.name for reader in self.readers])
        return frame

    def _schema(self) -> Schema:
        owners = [j for j, reader in enumerate(self.readers) for _ in range(reader.n_numeric)]
        features = [Feature(j, "numeric", Span(i, i + 1)) for i, j in enumerate(owners)]
        widths = _category_widths(self.readers, self.flagged)
        code_owners = _code_owners(self.readers, self.flagged)
        start = len(features)
        for k in self.order:
            features.append(Feature(code_owners[k], "categorical", Span(start, start + widths[k])))
            start += widths[k]
        return Schema(tuple(self._describe()), tuple(features))

    def _describe(self) -> list[Column]:
        logged = iter(self.numeric.is_logged)
        described = []
        for reader, flagged in zip(self.readers, self.flagged, strict=True):
            details = [reader.detail]
            if True in [next(logged) for _ in range(reader.n_numeric)]:
                details.append("log")
            if flagged and not isinstance(reader, OmittedReader):
                details.append("sometimes missing")
            described.append(Column(reader.name, reader.kind, ", ".join(filter(None, details))))
        return described


@contextmanager
def whole_rows(positions: NDArray[np.int64] | slice) -> Iterator[None]:
    """Context that reads part of a table: errors about a cell give its row in the whole table."""
    try:
        yield
    except CellError as error:
        row = positions.start + error.row if isinstance(positions, slice) else positions[error.row]
        raise error.at(int(row)) from None


def column_names(X: Table) -> list[str]:
    """Names of the columns, or x0, x1, ... if the table has none; raises SchemaError for duplicates."""
    if isinstance(X, np.ndarray):
        return [f"x{j}" for j in range(X.shape[1])]
    names = [str(name) for name in X.columns]
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise SchemaError(f"column {double!r} appears more than once; give each column a name of its own")
    if LATENT in names:
        raise SchemaError(
            f"column {LATENT!r} has the name of the latent contribution to a score; rename the column"
        )
    return names


def take_rows(X: Table, rows: slice | NDArray[np.int64]) -> Table:
    """The rows at these positions."""
    return X[rows] if isinstance(X, np.ndarray) else X.iloc[rows]


def joined(tables: Sequence[Table]) -> Table:
    """The rows of one or more tables of the same columns, in order."""
    if len(tables) == 1:
        return tables[0]
    if isinstance(tables[0], np.ndarray) and all(isinstance(table, np.ndarray) for table in tables):
        return np.concatenate(tables)
    import pandas as pd

    return pd.concat(cast("Sequence[pd.DataFrame]", tables), ignore_index=True)


def holds_numbers(X: Table) -> bool:
    """Whether all columns have a type of numbers."""
    if isinstance(X, np.ndarray):
        return X.dtype.kind in "fiub"
    import pandas as pd

    return all(pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes)


def _read(X: Table, readers: list[Reader], flagged: NDArray[np.bool_]) -> tuple[Floats, Codes]:
    """Floats (n_rows, n_numeric) and codes (n_rows, n_codes) of all columns, in order of the columns."""
    column = _columns(X)
    floats: list[Floats] = []
    codes: list[Codes] = []
    for j, (reader, flag) in enumerate(zip(readers, flagged, strict=True)):
        cells = column(j, reader)
        column_floats, column_codes = reader.read(cells)
        floats += column_floats
        codes += column_codes
        if flag:
            missing = np.isnan(cells) if isinstance(cells, np.ndarray) else cells.isna().to_numpy()
            codes.append(missing.astype(np.int64))
    return _stack(floats, len(X), np.float64), _stack(codes, len(X), np.int64)


def _columns(X: Table) -> Callable[[int, Reader], Any]:
    """The cells of a column for its reader: of an array of numbers an array if possible, else a Series."""
    if isinstance(X, np.ndarray) and holds_numbers(X):
        array = X
        return lambda j, reader: array[:, j] if reader.reads_arrays else _series(array[:, j])
    frame = _frame(X)
    return lambda j, reader: frame.iloc[:, j]


def _series(cells: NDArray[Any]) -> pd.Series:
    import pandas as pd

    return pd.Series(cells)


def _frame(X: Table) -> pd.DataFrame:
    import pandas as pd

    return X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)


def _stack(columns: list[Any], n_rows: int, dtype: Any) -> Any:
    return np.stack(columns, axis=1) if columns else np.zeros((n_rows, 0), dtype=dtype)


def _category_widths(readers: list[Reader], flagged: NDArray[np.bool_]) -> list[int]:
    flags = [(_FLAG_WIDTH,) if flag else () for flag in flagged]
    return [width for reader, flag in zip(readers, flags, strict=True) for width in (*reader.widths, *flag)]


def _code_owners(readers: list[Reader], flagged: NDArray[np.bool_]) -> list[int]:
    counts = [len(reader.widths) + int(flag) for reader, flag in zip(readers, flagged, strict=True)]
    return [j for j, count in enumerate(counts) for _ in range(count)]


def _category_order(readers: list[Reader], flagged: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positions of the categorical features ordered by width, so that equal widths are adjacent."""
    return np.argsort(_category_widths(readers, flagged), kind="stable").astype(np.int64)


def _reader_state(reader: Reader) -> dict[str, Any]:
    return {"reader": type(reader).__name__, **vars(reader)}

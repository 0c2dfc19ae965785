"""The meaning of cells: missing, a number, a boolean, or text, the same for fitting and for scoring.

Dates stay text: the detector recognises and parses them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null, numpy_floats
from anomaly_vae_pipelines.arrow_text import is_text, local_timestamps, plain_column
from anomaly_vae_pipelines.errors import MixedColumnWarning
from anomaly_vae_pipelines.records import Rows

if TYPE_CHECKING:
    import pandas as pd

MISSING = frozenset(
    {
        "",
        "#N/A",
        "#NA",
        "-NaN",
        "-nan",
        "<NA>",
        "N/A",
        "NA",
        "NAN",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "na",
        "nan",
        "null",
    }
)
"""Texts of a missing cell; spaces around them are ignored."""

MIXED_SHARE = 0.9
"""A text column with more than this share of numbers is probably a column of numbers with errors."""

_MISSING_SET = arrow_texts(sorted(MISSING))
_TRUTH = {"true": True, "false": False}
_READ = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_string,
    pa.types.is_duration,
)
"""Types that a model reads, in addition to dates and types that are cast to one of these."""

_NUMBERS = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_duration,
)
_WANTED = {
    "numeric": ("numbers", _NUMBERS),
    "datetime": ("dates", (pa.types.is_date, pa.types.is_timestamp)),
    "boolean": ("booleans", _NUMBERS[:4]),
}
"""By kind of column: what the model was fitted on, and the types that are accepted for it."""


def is_floating(kind: pa.DataType) -> bool:
    """Whether a type is a floating-point number."""
    return bool(pa.types.is_floating(kind))


def text_cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column with null for missing cells."""
    missing = pc.is_in(pc.utf8_trim_whitespace(column), _MISSING_SET)
    if not pc.any(missing).as_py():
        return column
    return pc.if_else(missing, null(column.type), column)


def numbers_of(column: pa.ChunkedArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A text column as numbers, and a mask of the cells that are neither numbers nor missing.

    Both have shape (n_rows,); missing and invalid cells are NaN.
    """
    texts = text_cells(column)
    try:
        numbers = numpy_floats(pc.cast(texts, pa.float64()))
        return numbers, np.zeros(len(texts), dtype=bool)
    except pa.ArrowInvalid:
        cells = texts.to_pylist()
    numbers = np.array([_number(cell) for cell in cells], dtype=np.float64)
    return numbers, np.array([_is_not_number(cell) for cell in cells], dtype=bool) & np.isnan(numbers)


def scoring_frame(table: pa.Table, maybe_numbers: Iterable[str] = (), source: str = "") -> pd.DataFrame:
    """A table as input of a model; text columns of ``maybe_numbers`` become numbers if all cells are."""
    table = plain_table(table, source)
    for name in maybe_numbers:
        position = table.column_names.index(name)
        if not is_text(table.column(position).type):
            continue
        numbers, wrong = numbers_of(table.column(position))
        if not wrong.any():
            table = table.set_column(position, name, arrow_numbers(numbers, nan_as_null=True))
    frame: pd.DataFrame = table.to_pandas()
    return frame


def scoring_matrix(table: pa.Table) -> NDArray[np.float64] | None:
    """A table as numbers, shape (n_rows, n_columns), NaN where missing; None if a column holds others."""
    columns = []
    for column in table.columns:
        kind = column.type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)) or pa.types.is_float16(kind):
            return None
        is_double = pa.types.is_float64(kind)  # as in CSV: each call of Arrow takes as long as a hundred rows
        columns.append(numpy_floats(column if is_double else column.cast(pa.float64(), safe=False)))
    return np.stack(columns, axis=1) if columns else None


def collect(pieces: Iterable[Rows]) -> pd.DataFrame:
    """All rows of all pieces; each text column becomes numbers, booleans or text, others keep their type.

    Warns with MixedColumnWarning about columns of numbers that are read as text because of a few cells.
    """
    tables, numbers = [], []
    for piece in pieces:
        tables.append(piece.table)
        numbers.append(piece.numbers)
    table = plain_table(pa.concat_tables(tables, promote_options="permissive"))
    lines = np.concatenate(numbers)
    import pandas as pd

    columns = {name: _typed(table.column(name), name, lines) for name in table.column_names}
    return pd.DataFrame(columns, columns=table.column_names)


def plain_table(table: pa.Table, source: str = "") -> pa.Table:
    """A table of numbers, booleans, text and timestamps; raises InputError for other types, such as lists."""
    columns = [
        _plain(column, name, source) for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def check_types(table: pa.Table, kinds: Mapping[str, str], source: str) -> None:
    """Raise InputError if the type of a column does not match the kind of that column in the model.

    ``kinds`` are the kinds of the model's columns. Text columns are checked cell by cell elsewhere.
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        wanted = _WANTED.get(kinds.get(name, ""))
        kind = plain_column(column.slice(0, 0)).type
        if wanted is None or column.null_count == len(column) or is_text(kind):
            continue
        if not any(is_kind(kind) for is_kind in wanted[1]):
            raise InputError(
                f"{source}: column {name!r} has type {column.type}, but the model was fitted on {wanted[0]}; "
                f"convert the column, or exclude it with --ignore when fitting"
            )


def table_pieces(table: pd.DataFrame, max_rows: int) -> Iterator[pa.Table]:
    """A table as text that reads back as the same cells, in one or more pieces."""
    names = list(map(str, table.columns))
    for start in range(0, max(1, len(table)), max_rows):
        piece = table.iloc[start : start + max_rows]
        cells = [[_cell_text(cell) for cell in piece[name].tolist()] for name in table.columns]
        yield pa.table([arrow_texts(column) for column in cells], names=names)


def _plain(column: pa.ChunkedArray, name: str, source: str) -> pa.ChunkedArray:
    column = plain_column(column)
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_null(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(kind):
        return local_timestamps(column)
    if not any(is_kind(kind) for is_kind in _READ):
        where = f"{source}: " if source else ""
        raise InputError(
            f"{where}column {name!r} has type {column.type}; wanted numbers, booleans, text or dates; "
            f"convert it, or exclude it with --ignore when fitting"
        )
    return column


def _typed(column: pa.ChunkedArray, name: str, lines: NDArray[np.int64]) -> pd.Series:
    import pandas as pd

    if not is_text(column.type):
        return pd.Series(column.to_pandas())
    numbers, wrong = numbers_of(column)
    if not wrong.any():
        return pd.Series(numbers)
    texts = pd.Series(text_cells(column).to_pandas())
    folded, present = texts.str.lower(), texts.notna()
    if set(folded[present]) == set(_TRUTH):
        return folded.map(_TRUTH).astype("boolean")
    if wrong.sum() < (1.0 - MIXED_SHARE) * present.sum():
        first = np.flatnonzero(wrong)[0]
        _warn_mixed(name, texts.iloc[first], lines[first], wrong.sum())
    return texts


def _number(cell: str | None) -> float:
    try:
        return float(cell) if cell is not None and "_" not in cell else np.nan
    except ValueError:
        return np.nan


def _is_not_number(cell: str | None) -> bool:
    """Whether a cell that was parsed as NaN is not a spelling of NaN."""
    return cell is not None and cell.strip().lower().lstrip("+-") != "nan"


def _warn_mixed(name: str, text: str, line: int, n_bad: int) -> None:
    warnings.warn(
        f"column {name!r} is read as text, not as numbers, because of {n_bad} cells, the first {text!r} on "
        f"line {line}; correct them, or leave them empty if the value is missing",
        MixedColumnWarning,
        stacklevel=2,
    )


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell).removesuffix(".0") if cell == cell else ""
    return "" if cell is None or type(cell).__name__ in ("NAType", "NaTType") else str(cell)

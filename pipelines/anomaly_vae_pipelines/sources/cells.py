"""The meaning of cells: missing, a number, a boolean, or text, the same for fitting and for scoring.

Dates stay text: the detector recognises and parses them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.arrow_arrays import arrow_numbers, arrow_texts, null, numpy_floats
from anomaly_vae_pipelines.arrow_text import is_text, local_timestamps, plain_column
from anomaly_vae_pipelines.dialects.dialect import Dialect
from anomaly_vae_pipelines.dialects.forms import ColumnForm
from anomaly_vae_pipelines.dialects.missing import MISSING, missing_words
from anomaly_vae_pipelines.dialects.numbers import NumberForm, is_true, parse_numbers
from anomaly_vae_pipelines.dialects.times import ClockForm, DateForm, clock_seconds, iso_dates
from anomaly_vae_pipelines.errors import MixedColumnWarning
from anomaly_vae_pipelines.plurals import counted
from anomaly_vae_pipelines.records import Rows

if TYPE_CHECKING:
    import pandas as pd

NO_FORMS: Mapping[str, ColumnForm] = {}
"""The forms of a table whose columns are all plain."""

MIXED_SHARE = 0.9
"""A text column with more than this share of numbers is probably a column of numbers with errors."""

MOST_WORDS, LEAST_NUMBERS = 3, 20
"""So few words among numbers of more values than this may mean missing values, up to half of the cells."""

Conform: TypeAlias = Callable[[pa.Table], tuple[pa.Table, frozenset[str]]]
"""A table to one with plain numbers and dates, and the columns that stay text."""

_DECIMAL_COMMA = r"^\s*[+-]?[0-9]+,[0-9]+\s*$"
_ANY_NUMBER = r"^\s*[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[0-9]{1,3}(?:[., '][0-9]{3})+(?:[.,][0-9]+)?)\s*$"
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


def text_cells(column: pa.ChunkedArray, words: pa.Array = _MISSING_SET) -> pa.ChunkedArray:
    """A text column with null for missing cells, which are ``words`` with or without spaces around them."""
    missing = pc.is_in(pc.utf8_trim_whitespace(column), words)
    if not pc.any(missing).as_py():
        return column
    return pc.if_else(missing, null(column.type), column)


def numbers_of(
    column: pa.ChunkedArray, words: pa.Array = _MISSING_SET
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A text column as numbers, and a mask of the cells that are neither numbers nor missing.

    Both have shape (n_rows,); missing and invalid cells are NaN.
    """
    texts = text_cells(column, words)
    try:
        numbers = numpy_floats(pc.cast(texts, pa.float64()))
        return numbers, np.zeros(len(texts), dtype=bool)
    except pa.ArrowInvalid:
        cells = texts.to_pylist()
    numbers = np.array([_number(cell) for cell in cells], dtype=np.float64)
    return numbers, np.array([_is_not_number(cell) for cell in cells], dtype=bool) & np.isnan(numbers)


def formed_texts(column: pa.ChunkedArray, dialect: Dialect, form: ColumnForm | None) -> pa.ChunkedArray:
    """A text column of a dialect with null for missing cells; dates in another form become ISO 8601."""
    texts = text_cells(column, _words(dialect, form))
    if dialect.trim:
        texts = pc.utf8_trim_whitespace(texts)
    return iso_dates(texts, form.form) if form is not None and isinstance(form.form, DateForm) else texts


def formed_numbers(
    column: pa.ChunkedArray, dialect: Dialect, form: ColumnForm | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A text column as numbers in the form of the column or of the dialect, like ``numbers_of``."""
    words = _words(dialect, form)
    wanted = form.form if form is not None else NumberForm(*dialect.marks)
    if isinstance(wanted, ClockForm):
        return clock_seconds(text_cells(column, words))
    if not isinstance(wanted, NumberForm) or wanted.is_plain:
        return numbers_of(column, words)
    return parse_numbers(text_cells(column, words), wanted)


def without_numbers(column: pa.ChunkedArray, missing: Iterable[str]) -> pa.ChunkedArray:
    """A column of numbers with null for those that mean a missing cell."""
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    numbers = [_number(word) for word in missing] if is_number else []
    for number in numbers:
        if number == number:
            same = pc.fill_null(pc.equal(column.cast(pa.float64(), safe=False), number), False)
            column = pc.if_else(same, null(column.type), column)
    return column


def _words(dialect: Dialect, form: ColumnForm | None) -> pa.Array:
    """The words of missing cells of a column."""
    own = form.missing if form is not None else ()
    if not dialect.missing and not dialect.values and not own:
        return _MISSING_SET
    return arrow_texts(missing_words((*dialect.missing, *own), dialect.values))


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


def collect(pieces: Iterable[Rows], conform: Conform | None = None) -> pd.DataFrame:
    """All rows of all pieces; each text column becomes numbers, booleans or text, others keep their type.

    ``conform`` converts the columns that are not plain first, and returns those that stay text.

    Warns with MixedColumnWarning about columns of numbers that are read as text because of a few cells, or
    because they have decimal points and commas.
    """
    tables, numbers = [], []
    for piece in pieces:
        tables.append(piece.table)
        numbers.append(piece.numbers)
    table = plain_table(pa.concat_tables(tables, promote_options="permissive"))
    lines = np.concatenate(numbers)
    import pandas as pd

    words = _MISSING_SET
    texts: frozenset[str] = frozenset()
    if conform is not None:  # missing cells are null already
        (table, texts), words = conform(table), arrow_texts([])
    columns = {
        name: _typed(table.column(name), name, lines, words)
        if name not in texts
        else pd.Series(table.column(name).to_pandas())
        for name in table.column_names
    }
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


def _typed(column: pa.ChunkedArray, name: str, lines: NDArray[np.int64], words: pa.Array) -> pd.Series:
    import pandas as pd

    if not is_text(column.type):
        return pd.Series(column.to_pandas())
    numbers, wrong = numbers_of(column, words)
    if not wrong.any():
        return pd.Series(numbers)
    texts = pd.Series(text_cells(column, words).to_pandas())
    folded, present = texts.str.lower(), texts.notna()
    if set(folded[present]) == set(_TRUTH):
        return folded.map(_TRUTH).astype("boolean")
    most = (1.0 - MIXED_SHARE) * present.sum()
    if wrong.sum() >= most:  # numbers with other marks than points are numbers too
        is_comma = is_true(pc.match_substring_regex(column, _DECIMAL_COMMA))
        has_points = wrong.sum() < present.sum()
        if has_points and is_comma[wrong].all():
            _warn_marks(name, texts.iloc[np.flatnonzero(wrong)[0]], lines[wrong][0])
        wrong &= ~is_true(pc.match_substring_regex(column, _ANY_NUMBER))
    if 0 < wrong.sum() < most or _are_words_among_numbers(texts[present], wrong[present]):
        first = np.flatnonzero(wrong)[0]
        _warn_mixed(name, texts.iloc[first], lines[first], wrong.sum())
    return texts


def _are_words_among_numbers(texts: pd.Series, is_wrong: NDArray[np.bool_]) -> bool:
    """Whether at least half of the cells are numbers of many values, and the others a few words."""
    is_some = 0 < is_wrong.sum() <= is_wrong.size / 2
    return is_some and texts[is_wrong].nunique() <= MOST_WORDS and texts[~is_wrong].nunique() > LEAST_NUMBERS


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
        f"column {name!r} is read as text, not as numbers, because of {counted(n_bad, 'cell')}, the first "
        f"{text!r} on line {line}; correct them, or name them with --na if they mean a missing value",
        MixedColumnWarning,
        stacklevel=2,
    )


def _warn_marks(name: str, text: str, line: int) -> None:
    warnings.warn(
        f"column {name!r} is read as text, not as numbers, because some of its numbers have a decimal point "
        f"and others a comma, the first {text!r} on line {line}; write all of them with the same mark",
        MixedColumnWarning,
        stacklevel=2,
    )


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell).removesuffix(".0") if cell == cell else ""
    return "" if cell is None or type(cell).__name__ in ("NAType", "NaTType") else str(cell)

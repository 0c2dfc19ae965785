"""find_forms: how each text column of a training table is read, decided by all its cells, or a question."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomaly_vae_pipelines.arrow_arrays import arrow_booleans, arrow_texts, null, numpy_floats
from anomaly_vae_pipelines.dialects.dialect import Dialect, Given
from anomaly_vae_pipelines.dialects.forms import ColumnForm, TextForm, is_code, is_version
from anomaly_vae_pipelines.dialects.marks import Marks, decide
from anomaly_vae_pipelines.dialects.missing import AMONG_NUMBERS, MISSING, SURE
from anomaly_vae_pipelines.dialects.numbers import NumberForm, affix_form, affixes_of, is_true, possible_marks
from anomaly_vae_pipelines.dialects.sentinels import find_sentinel, may_be_sentinel
from anomaly_vae_pipelines.dialects.times import (
    ORDERS,
    ClockForm,
    DateForm,
    are_dates,
    is_clock,
    is_pointed_clock,
    possible_orders,
    unsure_years,
)
from anomaly_vae_pipelines.errors import AmbiguousError, MixedColumnWarning

_HEAD = 1_000
_MOST_DIGITS = 15
"""Digits of whole numbers that a float keeps."""
_ISO = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    "(?:[T ][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)? *(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
_SHORT_DATE = "^[0-3][0-9]([-/])[01][0-9][-/][0-3][0-9]$"
_DATE_LIKE = re.compile(
    r"(?:[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}|"
    r"[0-9]{2}[-./][0-9]{2}[-./][0-9]{2})(?:[T ].*)?"
)
_MOST_SHOWN = 200
_ALMOST_ALL = 0.9
"""Share of the distinct texts of a column from which on the others are reported."""
_DATES = {"dmy": "day-first", "mdy": "month-first"}


@dataclass(frozen=True)
class _Column:
    """A column of numbers: its form without marks, the marks that fit, and its distinct texts."""

    name: str
    form: NumberForm
    marks: list[Marks]
    texts: pa.ChunkedArray
    missing: tuple[str, ...]


def find_forms(
    table: pa.Table, dialect: Dialect, given: Given, source: str
) -> tuple[Dialect, dict[str, ColumnForm]]:
    """The dialect with the marks of its numbers, and the form of each text column that is not plain.

    Parameters
    ----------
    table : Table
        All rows; its text columns are decided, others are not read.
    dialect : Dialect
        Of the file; its marks are replaced.
    given : Given
        What the user said.
    source : str
        The name of the file, for messages.

    Raises
    ------
    AmbiguousError
        If the cells of a column can be read in two ways.
    """
    forms: dict[str, ColumnForm] = {}
    numbers: list[_Column] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_string(column.type):
            continue
        if name in given.columns:
            forms[name] = given.columns[name]
            continue
        found: _Column | ColumnForm | None = _plain(name, column, dialect, given)
        if found is None:
            found = _find(name, distinct_texts(column, dialect), given, source)
        if isinstance(found, _Column):
            numbers.append(found)
        elif found is not None:
            forms[name] = found
    marks = _marks(numbers, dialect, given, source)
    for column in numbers:
        own = next((fitting for fitting in column.marks if _agree(fitting, marks)), column.marks[0])
        decimal = own[0] or ("," if own[1] == "." else "." if own[1] == "," else marks[0] or ".")
        thousands = own[1] or ("" if marks[1] == decimal else marks[1])
        form = ColumnForm(column.form.with_marks(decimal, thousands), column.missing, _example(column.texts))
        if not form.is_plain:
            forms[column.name] = form
        _ask_about_sentinel(column, table.column(column.name), form, dialect, source)
    found_dialect = Dialect(**(vars(dialect) | {"decimal": marks[0] or ".", "thousands": marks[1]}))
    return found_dialect, {name: forms[name] for name in table.column_names if name in forms}


def distinct_texts(column: pa.ChunkedArray, dialect: Dialect) -> pa.ChunkedArray:
    """The distinct texts of a column that are not missing, without spaces around them."""
    texts = pc.drop_null(pc.unique(pc.utf8_trim_whitespace(column)))
    texts = texts.filter(pc.invert(pc.is_in(texts, _missing(dialect))))
    return pa.chunked_array([texts]) if isinstance(texts, pa.Array) else texts


def _missing(dialect: Dialect) -> pa.Array:
    """The words of missing cells of a file."""
    return arrow_texts(sorted((MISSING | set(dialect.missing)) - set(dialect.values)))


def _plain(name: str, column: pa.ChunkedArray, dialect: Dialect, given: Given) -> _Column | None:
    """A column that is plain by its first cells and whose cells are all numbers; None if it is not certain.

    Regular expressions over millions of distinct texts take minutes, and a cast takes seconds.
    """
    head = distinct_texts(column.slice(0, _HEAD), dialect)
    first = _find(name, head, given, "") if len(head) and _is_number(head[0].as_py()) else None
    if not isinstance(first, _Column) or not first.form.is_plain or first.missing:
        return None
    if first.marks not in ([(".", "")], [("", "")]):
        return None
    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(pc.is_in(texts, _missing(dialect)), null(texts.type), texts)
    is_whole = first.marks == [("", "")]
    try:
        numbers = texts.cast(pa.int64() if is_whole else pa.float64())
    except pa.ArrowInvalid:
        return None
    widths = pc.min_max(pc.utf8_length(texts)).as_py() if is_whole else {"min": 0, "max": 1}
    if (
        widths["min"] == widths["max"]
        or widths["min"] > _MOST_DIGITS
        or may_be_sentinel(pc.min(numbers).as_py())
    ):
        return None
    return _Column(name, first.form, first.marks, head.slice(0, 0), ())


def _is_number(text: str) -> bool:
    """Whether a text is a number as Python writes it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _find(name: str, texts: pa.ChunkedArray, given: Given, source: str) -> _Column | ColumnForm | None:
    """The form of a column; None for plain text."""
    if not len(texts):
        return None
    words = arrow_texts(sorted((AMONG_NUMBERS | SURE) - set(given.values)))
    is_word = pc.is_in(texts, words)
    rest = texts.filter(pc.invert(is_word))
    missing = tuple(sorted(texts.filter(is_word).to_pylist()))
    if not len(rest):
        return None
    head = rest.slice(0, _HEAD)
    if (form := _number(name, rest, head, missing)) is not None:
        return form
    if is_clock(head) and is_clock(rest):
        return ColumnForm(ClockForm(), missing)
    form = _date(name, rest, head, missing, given, source)
    if form is None and is_pointed_clock(head) and is_pointed_clock(rest):
        return ColumnForm(ClockForm(), missing)
    if form is None:
        _warn_of_forms(name, rest)
    return form


def _number(
    name: str, texts: pa.ChunkedArray, head: pa.ChunkedArray, missing: tuple[str, ...]
) -> _Column | ColumnForm | None:
    """A column of numbers, or of texts that only look like numbers; None for others."""
    if is_version(texts, name) or is_code(texts):
        return ColumnForm(TextForm(), missing)
    if affix_form(head) is None or (form := affix_form(texts)) is None:
        return None
    marks = possible_marks(head, form)
    if len(head) < len(texts) and (len(marks) != 1 or not _are_floats(texts)):
        marks = possible_marks(texts, form)
    return _Column(name, form, marks, texts, missing) if marks else None


def _are_floats(texts: pa.ChunkedArray) -> bool:
    """Whether all texts are numbers as Python writes them, which is checked fast."""
    try:
        numpy_floats(texts.cast(pa.float64()))
    except pa.ArrowInvalid:
        return False
    return True


def _date(
    name: str,
    texts: pa.ChunkedArray,
    head: pa.ChunkedArray,
    missing: tuple[str, ...],
    given: Given,
    source: str,
) -> ColumnForm | None:
    if not possible_orders(head) or pc.all(pc.match_substring_regex(texts, _ISO)).as_py():
        return None  # dates in ISO 8601 are plain
    orders = possible_orders(texts)
    if {"dmy", "mdy"} <= set(orders):
        if given.day_first is None:
            raise AmbiguousError(
                source, None, f"column {name!r}: {texts[0].as_py()!r} may have the day or the month first, "
                "as no day is above 12; add --day-first or --month-first"
            )  # fmt: skip
        orders = ["dmy" if given.day_first else "mdy"]
    elif orders == ["dmy"] and given.day_first is None and _may_be_year_first(texts):
        raise AmbiguousError(
            source, None, f"column {name!r}: {texts[0].as_py()!r} may have the day or the year first; add "
            "--day-first, or write the years with four digits"
        )  # fmt: skip
    if not orders:
        return None
    form = DateForm(orders[0])
    years = unsure_years(texts, form)
    if years.null_count < len(years):
        place = pc.index(pc.is_valid(years), True).as_py()
        date, year = texts[place].as_py(), years[place].as_py()
        raise AmbiguousError(
            source, None, f"column {name!r}: {date!r} may be of 19{year} or 20{year}; write the years with "
            f"four digits, or leave the column out with --ignore {name!r}"
        )  # fmt: skip
    return ColumnForm(form, missing)


def _example(texts: pa.ChunkedArray) -> str:
    """The longest of the first texts, which has most of the marks of its form."""
    return max(texts.slice(0, _MOST_SHOWN).to_pylist(), key=len, default="")


def _may_be_year_first(texts: pa.ChunkedArray) -> bool:
    """Whether dates of two digits each, which have a day in front, may have a year in front."""
    return bool(pc.all(pc.match_substring_regex(texts, _SHORT_DATE)).as_py())


def _warn_of_forms(name: str, texts: pa.ChunkedArray) -> None:
    """Warn with MixedColumnWarning if a text column has dates, or numbers with units, of several forms."""
    if _warn_of_exception(name, texts) or pc.all(pc.match_substring_regex(texts, _ISO)).as_py():
        return
    head = texts.slice(0, _MOST_SHOWN).to_pylist()
    if len(head) < 2:
        return
    first = head[0]
    if all(_DATE_LIKE.fullmatch(text) for text in head):
        what, other = "dates", next((text for text in head if _shape(text) != _shape(first)), None)
    else:
        affixes = {text: affixes_of(text) for text in head}
        if None in affixes.values() or len(set(affixes.values())) < 2:
            return
        what, other = "numbers", next(text for text in head if affixes[text] != affixes[first])
    shown = (
        f"{first!r} and {other!r} differ in their form" if other else f"the form of {first!r} is not known"
    )
    wanted = "2026-01-31 or 2026-01-31T12:00:00" if what == "dates" else "plain numbers of one unit"
    warnings.warn(
        f"column {name!r} is read as text, not as {what}, because {shown}; write them as {wanted}",
        MixedColumnWarning,
        stacklevel=2,
    )


def _warn_of_exception(name: str, texts: pa.ChunkedArray) -> bool:
    """Warn with MixedColumnWarning if almost all texts are dates, or numbers with one unit, in one form."""
    head = texts.slice(0, _HEAD)
    for order in ORDERS:
        if is_true(are_dates(head, order)).mean() >= _ALMOST_ALL:
            is_of_form, what = is_true(are_dates(texts, order)), "dates"
            break
    else:
        affixes = [affixes_of(text) for text in head.to_pylist()]
        units = Counter(affix for affix in affixes if affix is not None and any(affix)).most_common(1)
        if not units or units[0][1] < _ALMOST_ALL * len(head):
            return False
        texts, what = head, "numbers"
        is_of_form = np.array([affix == units[0][0] for affix in affixes])
    if is_of_form.all():
        return False
    odd = texts.filter(arrow_booleans(~is_of_form))[0].as_py()
    warnings.warn(
        f"column {name!r} is read as text, not as {what}, because of {odd!r}; correct such cells, or name "
        "them with --na if they mean a missing value",
        MixedColumnWarning,
        stacklevel=3,
    )
    return True


def _shape(text: str) -> str:
    """A text with one character for each run of digits and of letters."""
    return re.sub("[A-Za-z]+", "a", re.sub("[0-9]+", "0", text))


def _marks(columns: list[_Column], dialect: Dialect, given: Given, source: str) -> Marks:
    """The marks of columns that do not decide them alone; asks if a column needs them."""
    said: Marks = (given.decimal or "", given.thousands or "")
    for column in columns:
        if any(said) and (fitting := [marks for marks in column.marks if _agree(marks, said)]):
            column.marks[:] = fitting
    if any(said):
        return said[0] or ("." if said[1] == "," else "," if said[1] == "." else "."), said[1]
    has_commas = any("," in marks for column in columns for marks in column.marks)
    if dialect.separator == "," and not has_commas:  # a point for thousands goes with a decimal comma
        for column in columns:
            column.marks[:] = [marks for marks in column.marks if marks != ("", ".")] or column.marks
    decided = decide([column.marks for column in columns])
    unsure = next((column for column in columns if len(column.marks) > 1), None)
    if decided is None and unsure is not None:
        raise _question(unsure, source)
    return decided if decided is not None else _most([column.marks for column in columns])


def _agree(marks: Marks, said: Marks) -> bool:
    return all(not one or not other or one == other for one, other in zip(marks, said, strict=True)) and not (
        marks[1] and marks[1] == said[0]
    ) and not (marks[0] and marks[0] == said[1])  # fmt: skip


def _most(columns: list[list[Marks]]) -> Marks:
    """The most frequent marks; the columns with others keep their own."""
    certain = [marks[0] for marks in columns if len(marks) == 1 and marks[0][0]]
    return max(certain, key=certain.count, default=("", ""))


def _question(column: _Column, source: str) -> AmbiguousError:
    shown = next(text.as_py() for text in column.texts if "." in text.as_py() or "," in text.as_py())
    mark = "." if "." in shown else ","
    word = {".": "point", ",": "comma"}[mark]
    return AmbiguousError(
        source, None, f"column {column.name!r}: {shown!r} may have a decimal {word} or a mark of thousands, "
        f"and nothing in the file decides it; add --decimal {mark} or --thousands {mark}"
    )  # fmt: skip


def _ask_about_sentinel(
    column: _Column, cells: pa.ChunkedArray, form: ColumnForm, dialect: Dialect, source: str
) -> None:
    """Raise AmbiguousError if a number that stands for a missing one seems to be among the numbers."""
    if not isinstance(form.form, NumberForm):
        return
    found = find_sentinel(column.texts, cells, form.form, dialect.values)
    if found is not None:
        text, count, others = found
        raise AmbiguousError(
            source, None, f"column {column.name!r}: {text} occurs {count:,} times, all others are {others}; "
            f"add --na={text} if it means a missing value, or --not-na={text} if it is a number"
        )  # fmt: skip

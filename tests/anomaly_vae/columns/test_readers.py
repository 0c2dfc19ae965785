"""Readers: a cell is read the same from every dtype, errors name the cell, and values can be restored."""

from __future__ import annotations

import datetime
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anomaly_vae.columns.categorical import MISSING
from anomaly_vae.columns.cells import as_text
from anomaly_vae.columns.readers import (
    MAX_CATEGORIES,
    READERS,
    AbsentReader,
    BooleanReader,
    CategoryReader,
    ConstantReader,
    DatetimeReader,
    IdentifierReader,
    NumberReader,
    Reader,
)
from anomaly_vae.errors import CellError, CellTypeError

LAW = settings(deadline=None, max_examples=40, derandomize=True)

ARROW_TEXT = pd.ArrowDtype(pa.string())
TEXT_DTYPES = [object, "str", "string", "string[pyarrow]", ARROW_TEXT, "category"]

number = NumberReader("amount")
boolean = BooleanReader("open")
category = CategoryReader("color", ("red", "blue"))
datetimes = DatetimeReader("at", 0.0)
always_three = ConstantReader("three", 3.0)
always_red = ConstantReader("red", "red")

MODELLED: list[Reader] = [number, boolean, category, datetimes, always_three, always_red]
OMITTED: list[Reader] = [IdentifierReader("id"), AbsentReader("nothing")]


def floats_of(reader: Reader, cells: Any, dtype: Any = None) -> list[float]:
    [floats], _ = reader.read(pd.Series(cells, dtype=dtype))
    return [float(value) for value in floats]


def codes_of(reader: Reader, cells: Any, dtype: Any = None) -> list[int]:
    _, [codes] = reader.read(pd.Series(cells, dtype=dtype))
    return [int(code) for code in codes]


def hours_of(cells: pd.Series) -> list[float]:
    """Hours since Monday midnight, from the features of the reader."""
    [sine, cosine], [weekday] = datetimes.read(cells)
    hours = weekday * 24.0 + np.arctan2(sine, cosine) / (2.0 * np.pi) % 1.0 * 24.0
    return [round(float(hour), 6) for hour in hours]


# ------------------------------------------------------------------------------------------- every reader
@pytest.mark.parametrize("reader", [*MODELLED, *OMITTED], ids=lambda reader: type(reader).__name__)
@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([None, None], dtype=object),
        pd.Series([np.nan, np.nan]),
        pd.Series([None, None], dtype="str"),
        pd.Series([None, None], dtype="string"),
        pd.Series([None, None], dtype=ARROW_TEXT),
        pd.Series([None, None], dtype="category"),
        pd.Series([pd.NaT, pd.NaT]),
    ],
    ids=["None", "NaN", "str", "string", "arrow", "category", "NaT"],
)
def test_rows_without_a_value_can_be_read(reader: Reader, cells: pd.Series) -> None:
    """A batch with a column that is always missing is read as missing, for every dtype."""
    floats, codes = reader.read(cells)
    assert len(floats) == reader.n_numeric
    assert len(codes) == len(reader.widths)
    assert all(np.isnan(column).all() for column in floats)
    assert all((column == MISSING).all() for column in codes)


@pytest.mark.parametrize("reader", [*MODELLED, *OMITTED], ids=lambda reader: type(reader).__name__)
def test_no_rows_can_be_read(reader: Reader) -> None:
    """An empty batch is read as empty columns."""
    floats, codes = reader.read(pd.Series([], dtype=object))
    assert [len(column) for column in [*floats, *codes]] == [0] * (reader.n_numeric + len(reader.widths))


@pytest.mark.parametrize("reader", MODELLED, ids=lambda reader: f"{type(reader).__name__}({reader.name})")
def test_an_object_is_an_error_that_names_the_cell(reader: Reader) -> None:
    """A dict in a cell is a CellTypeError, both a TypeError and a ValueError, that names column and row."""
    fine = {"at": "2024-01-01", "open": True, "color": "red", "red": "red"}.get(reader.name, 3.0)
    with pytest.raises(CellTypeError) as raised:
        reader.read(pd.Series([fine, None, {"a": 1}], dtype=object))
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, ValueError)
    assert (raised.value.column, raised.value.row) == (reader.name, 2)
    assert repr(reader.name) in str(raised.value)


@pytest.mark.parametrize("reader", [*MODELLED, *OMITTED], ids=lambda reader: type(reader).__name__)
def test_a_reader_is_plain_data(reader: Reader) -> None:
    """A reader is rebuilt from its name and its fields, after a round trip through JSON."""
    fields = json.loads(json.dumps(vars(reader)))
    if "categories" in fields:
        fields["categories"] = tuple(fields["categories"])
    assert READERS[type(reader).__name__](**fields) == reader


@pytest.mark.parametrize("reader", OMITTED, ids=lambda reader: type(reader).__name__)
def test_an_omitted_column_gives_no_features(reader: Reader) -> None:
    """Identifiers and empty columns give no features, for any cells, and are restored as missing."""
    assert reader.read(pd.Series(["a", {}], dtype=object)) == ([], [])
    assert np.isnan(reader.restore(np.zeros((2, 0)), np.zeros((2, 0), dtype=np.int64))).all()


# ------------------------------------------------------------------------------------------------ numbers
@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([1, 2.5, None]),
        pd.Series([1, 2.5, None], dtype="Float64"),
        pd.Series([1, 2.5, None], dtype=pd.ArrowDtype(pa.float64())),
        pd.Series([1, 2.5, None], dtype="category"),
        pd.Series(["1", " 2.5 ", None], dtype=object),
        pd.Series(["1", "2.5e0", None], dtype="str"),
        pd.Series(["1.0", "2.5", None], dtype="string"),
        pd.Series(["1.0", "2.5", None], dtype=ARROW_TEXT),
        pd.Series([True, "2.5", pd.NA], dtype=object),
        pd.Series([np.int8(1), decimal.Decimal("2.5"), pd.NA], dtype=object),
        pd.Series(pd.to_timedelta([1.0, 2.5, None], unit="s")),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_a_number_is_read_the_same_from_every_type(cells: pd.Series) -> None:
    """Floats, nullable and Arrow numbers, categories, text, mixed objects and seconds are all numbers."""
    [floats], codes = number.read(cells)
    np.testing.assert_array_equal(floats, [1.0, 2.5, np.nan])
    assert floats.dtype == np.float64
    assert codes == []


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "float32", "bool", "Int64", "boolean", pd.ArrowDtype(pa.int32())], ids=str
)
def test_every_dtype_of_numbers_is_read(dtype: Any) -> None:
    """Whole numbers and booleans of any width are read as floats."""
    assert floats_of(number, [0, 1, 1], dtype) == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", [object, "str", "string", ARROW_TEXT, "category"], ids=str)
def test_a_text_that_is_not_a_number_is_named(dtype: Any) -> None:
    """The error has the column, row and value of the first cell that is not a number."""
    with pytest.raises(CellError) as raised:
        number.read(pd.Series(["1", None, "two", "three"], dtype=dtype))
    error = raised.value
    assert (error.column, error.row, error.value, error.wanted) == ("amount", 2, "two", "a number")
    assert str(error) == "column 'amount', row 2: wanted a number, got 'two'"


@pytest.mark.parametrize(
    "cells", [pd.Series(pd.to_datetime(["2024-01-01"])), pd.Series([datetime.date(2024, 1, 1)], dtype=object)]
)
def test_a_date_is_not_a_number(cells: pd.Series) -> None:
    """A date in a column of numbers is an error, not a number of nanoseconds."""
    with pytest.raises(CellError, match=r"column 'amount', row 0: wanted a number"):
        number.read(cells)


@pytest.mark.parametrize("cell", ["1" + "0" * 400, 10**400], ids=["text", "integer"])
def test_an_integer_beyond_every_float_is_infinite(cell: object) -> None:
    """A number with 400 digits is infinite, as text and as an integer."""
    assert floats_of(number, [cell], object) == [np.inf]


# --------------------------------------------------------------------------------------- constant columns
def test_a_constant_number_is_compared_up_to_rounding() -> None:
    """0.1 + 0.2 equals 0.3, another number is the second category, and None is missing."""
    reader = ConstantReader("c", 0.3)
    assert codes_of(reader, [0.1 + 0.2, 0.31, None]) == [0, 1, MISSING]


def test_a_constant_at_the_end_of_the_range_is_compared_with_every_float() -> None:
    """A constant of 1.7e308 is distinguished from its negative and from infinity, without a warning."""
    assert codes_of(ConstantReader("c", 1.7e308), [1.7e308, -1.7e308, np.inf, np.nan]) == [0, 1, 1, MISSING]


@pytest.mark.parametrize("dtype", TEXT_DTYPES, ids=str)
def test_a_constant_text_is_distinguished_from_others(dtype: Any) -> None:
    """The constant, another text and a missing one are distinguished in every dtype of text."""
    assert codes_of(always_red, ["red", "blue", None], dtype) == [0, 1, MISSING]


def test_a_constant_restores_itself() -> None:
    """A constant column restores its value for both codes."""
    codes = np.array([[0], [1]])
    assert always_three.restore(np.zeros((2, 0)), codes).tolist() == [3.0, 3.0]
    assert always_red.restore(np.zeros((2, 0)), codes).tolist() == ["red", "red"]


# ----------------------------------------------------------------------------------------------- booleans
@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([True, False, None], dtype=object),
        pd.Series([True, False, pd.NA], dtype="boolean"),
        pd.Series([True, False, None], dtype=pd.ArrowDtype(pa.bool_())),
        pd.Series([True, False, None], dtype="category"),
        pd.Series(["True", "FALSE", None], dtype=object),
        pd.Series(["true", "false", None], dtype="string"),
        pd.Series(["true", "false", None], dtype=ARROW_TEXT),
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([1.0, 0.0, np.nan]),
        pd.Series([np.True_, 0, "nan"], dtype=object).replace("nan", np.nan),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_a_boolean_is_read_the_same_from_every_dtype(cells: pd.Series) -> None:
    """Booleans, their text in upper or lower case, and 1 and 0 are the same two categories."""
    assert codes_of(boolean, cells) == [1, 0, MISSING]


@pytest.mark.parametrize("cell", ["perhaps", 2, 0.5])
def test_a_cell_that_is_not_a_boolean_is_named(cell: object) -> None:
    """The error has the column, row and value of a cell that is neither true nor false."""
    with pytest.raises(CellError, match=r"column 'open', row 1: wanted true or false") as raised:
        boolean.read(pd.Series([True, cell], dtype=object))
    assert raised.value.value == cell


def test_booleans_are_restored() -> None:
    """Code 1 restores True, code 0 False."""
    assert boolean.restore(np.zeros((2, 0)), np.array([[1], [0]])).tolist() == [True, False]


# --------------------------------------------------------------------------------------------- categories
@pytest.mark.parametrize("dtype", TEXT_DTYPES, ids=str)
def test_unseen_texts_share_one_category(dtype: Any) -> None:
    """Known texts have their own codes, unseen texts share the last code, and a missing text has none."""
    assert codes_of(category, ["blue", "red", "mauve", "", None], dtype) == [1, 0, 2, 2, MISSING]
    assert category.widths == (3,)


def test_equal_numbers_are_one_category() -> None:
    """1, 1.0, np.float32(1) and "1" are one category; 1.5 and "1.5" are another."""
    cells = pd.Series([1, 1.0, np.float32(1), "1", 1.5, "1.5", -0.0, 0], dtype=object)
    assert as_text(cells).tolist() == ["1", "1", "1", "1", "1.5", "1.5", "0", "0"]
    assert codes_of(CategoryReader("c", ("1", "1.5")), cells) == [0, 0, 0, 0, 1, 1, 2, 2]


@LAW
@given(texts=st.lists(st.text(max_size=5), min_size=1, max_size=20))
def test_categories_are_restored(texts: list[str]) -> None:
    """Every training text is restored from its code, also empty texts and any script."""
    cells = pd.Series(texts, dtype=object)
    reader = CategoryReader.learn("c", cells)
    _, [codes] = reader.read(cells)
    assert reader.restore(np.zeros((len(cells), 0)), codes[:, None]).tolist() == texts


def test_unseen_texts_are_restored_as_other() -> None:
    """The code of unseen texts restores "<other>"."""
    assert category.restore(np.zeros((1, 0)), np.array([[2]])).tolist() == ["<other>"]


def test_the_most_frequent_categories_are_kept() -> None:
    """If there are too many categories, the most frequent are kept, ties in alphabetical order."""
    rare = [f"rare {k:03d}" for k in range(MAX_CATEGORIES + 10)]
    reader = CategoryReader.learn("c", pd.Series([*reversed(rare), "common", "common"], dtype=object))
    assert reader.categories == ("common", *rare[: MAX_CATEGORIES - 1])
    assert codes_of(reader, ["common", rare[-1]]) == [0, MAX_CATEGORIES]


# -------------------------------------------------------------------------------------------------- dates
CLOCK = pd.Series(pd.to_datetime(["2024-01-01 00:00:00", "2024-01-03 09:30:00", "2024-01-07 23:59:59"]))
HOURS = [0.0, 57.5, 167.999722]


@pytest.mark.parametrize(
    "cells",
    [
        CLOCK,
        CLOCK.astype("datetime64[s]"),
        CLOCK.dt.tz_localize("America/New_York"),
        CLOCK.astype(pd.ArrowDtype(pa.timestamp("us"))),
        CLOCK.astype(str),
        CLOCK.astype(str).astype(ARROW_TEXT),
        CLOCK.dt.strftime("%Y-%m-%dT%H:%M:%S").astype("category"),
        CLOCK.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        CLOCK.astype(object),
        pd.Series([np.datetime64(cell) for cell in CLOCK], dtype=object),
    ],
    ids=["ns", "s", "tz", "arrow", "text", "arrow text", "category", "Z", "objects", "datetime64 objects"],
)
def test_a_time_is_read_the_same_from_every_dtype(cells: pd.Series) -> None:
    """Weekday and time of day in local time, from every dtype of dates and from ISO 8601 text."""
    assert hours_of(cells) == pytest.approx(HOURS, abs=1e-5)


@pytest.mark.parametrize("spelled", ["text", "objects"])
def test_times_with_a_time_zone_are_read_in_local_time(spelled: str) -> None:
    """A column with a time zone reads the same from its dtype, its objects and its ISO 8601 text."""
    zoned = CLOCK.dt.tz_localize("America/New_York")
    cells = pd.Series([at.isoformat() for at in zoned]) if spelled == "text" else zoned.astype(object)
    assert hours_of(cells) == pytest.approx(hours_of(zoned), abs=1e-5)


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([datetime.date(2024, 1, 2)], dtype=object),
        pd.Series([datetime.date(2024, 1, 2)], dtype=pd.ArrowDtype(pa.date32())),
        pd.Series(["2024-01-02"]),
    ],
    ids=["objects", "arrow", "text"],
)
def test_a_date_is_its_midnight(cells: pd.Series) -> None:
    """A date without a time is read as its first second."""
    assert hours_of(cells) == [24.0]


def test_dates_beyond_the_range_of_nanoseconds_are_read() -> None:
    """9999-12-31, which means "never" in many tables, is read as a Friday."""
    assert hours_of(pd.Series(["9999-12-31", "1066-10-20"])) == [4 * 24.0, 5 * 24.0]
    reader = DatetimeReader.learn("at", pd.Series(["9999-12-31"]))
    assert str(reader.restore(np.array([[0.0, 1.0]]), np.array([[4]]))[0]).startswith("9999-12-31")


@pytest.mark.parametrize("cells", [["2024-01-01", "soon"], ["2024-01-01", "2024-13-01"]])
def test_a_text_that_is_not_a_date_is_named(cells: list[str]) -> None:
    """The error has the column, row and value of a text that is not an ISO 8601 date."""
    with pytest.raises(CellError, match=r"column 'at', row 1: wanted a date and time such as") as raised:
        datetimes.read(pd.Series(cells))
    assert raised.value.value == cells[1]


@pytest.mark.parametrize("cells", [pd.Series([1.5, 2.5]), pd.Series([7, "2024-01-01"], dtype=object)])
def test_a_number_is_not_a_date(cells: pd.Series) -> None:
    """A number in a column of dates is an error that names it, without a warning from pandas."""
    with pytest.raises(CellError, match=r"column 'at', row 0: wanted a date"):
        datetimes.read(cells)


@LAW
@given(seconds=st.integers(0, 7 * 86_400 - 1))
@example(seconds=3 * 86_400)
def test_times_of_the_last_week_are_restored(seconds: int) -> None:
    """Any second of the last training week, including midnight, is restored from float32 cells."""
    monday = pd.Timestamp("2024-01-01")
    reader = DatetimeReader.learn("at", pd.Series([monday + pd.Timedelta(days=6)]))
    at = pd.Series([monday + pd.Timedelta(seconds=seconds)])
    floats, codes = reader.read(at)
    cells = np.stack(floats, axis=1)
    for seen in (cells, cells.astype(np.float32).astype(np.float64), cells - 1e-7):
        assert reader.restore(seen, np.stack(codes, axis=1)).tolist() == at.tolist()


def test_features_are_continuous_at_midnight() -> None:
    """A second before and a second after midnight are close on the circle."""
    [sine, cosine], _ = datetimes.read(
        pd.Series(pd.to_datetime(["2024-01-01 23:59:59", "2024-01-02 00:00:01"]))
    )
    assert np.hypot(np.diff(sine), np.diff(cosine))[0] < 2e-4


@pytest.mark.parametrize("dtype", TEXT_DTYPES)
def test_a_category_that_training_never_saw_is_unseen(dtype):
    """Missing cells and known categories are not."""
    cells = pd.Series(["red", "v9", None, "blue", "Red"], dtype=dtype)
    assert category.unseen(cells).tolist() == [False, True, False, False, True]
    assert always_red.unseen(cells).tolist() == [False, True, False, True, True]


def test_a_number_beside_a_constant_is_unseen():
    """Other numbers are no categories."""
    cells = pd.Series([3.0, 4.0, np.nan])
    assert always_three.unseen(cells).tolist() == [False, True, False]
    assert not number.unseen(cells).any()


def test_with_more_categories_than_are_kept_none_is_certainly_unseen():
    """Training may have seen the ones that share a cell."""
    full = CategoryReader("color", tuple(map(str, range(MAX_CATEGORIES))))
    assert not full.unseen(pd.Series(["red", "0", None])).any()

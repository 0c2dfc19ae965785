"""Cells: equal values are read as the same text, number or time; errors name the cell."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.columns.cells import (
    as_text,
    check_cell_types,
    read_numbers,
    read_seconds,
    reject_cells,
    same_number,
)
from anomaly_vae.errors import CellError, CellTypeError

LAW = settings(deadline=None, max_examples=40, derandomize=True)

finite = st.floats(allow_nan=False, allow_infinity=False)


# ------------------------------------------------------------------------------------------------ numbers
@LAW
@given(value=finite)
def test_a_number_is_the_same_number(value: float) -> None:
    """Every float is the same number as itself; NaN and infinity are not the same number as it."""
    assert same_number(np.array([value, np.nan, np.inf]), value).tolist() == [True, False, False]


@LAW
@given(value=finite, other=st.floats(allow_nan=False))
def test_other_numbers_are_not_the_same(value: float, other: float) -> None:
    """Numbers that differ by more than rounding are different, also at the ends of the range of floats."""
    if abs(value / 2 - other / 2) > 1e-9 * max(abs(value), abs(other)):
        assert not same_number(np.array([other]), value)[0]


@LAW
@given(value=finite)
def test_a_number_is_read_from_its_text(value: float) -> None:
    """A float, its text and the float in a column of objects are read as the same number, up to rounding."""
    cells = pd.Series([value, repr(value), f" {value!r} ", None, True], dtype=object)
    floats = read_numbers(cells, "x")
    np.testing.assert_allclose(floats[:3], value, rtol=1e-15)
    assert np.isnan(floats[3])
    assert floats[4] == 1.0


@pytest.mark.parametrize("span", [datetime.timedelta(hours=1), pd.Timedelta("1h"), np.timedelta64(1, "h")])
def test_a_duration_is_read_in_seconds(span: object) -> None:
    """A duration is read in seconds, from a timedelta column and from objects."""
    assert read_numbers(pd.Series([span], dtype=object), "x").tolist() == [3600.0]
    assert read_numbers(pd.Series([span]), "x").tolist() == [3600.0]


# --------------------------------------------------------------------------------------------------- text
@LAW
@given(value=st.integers(-(10**15), 10**15))
def test_a_whole_number_is_one_text(value: int) -> None:
    """An integer, its float and its text are one category."""
    assert as_text(pd.Series([value, float(value), str(value)], dtype=object)).nunique() == 1


def test_text_is_not_changed() -> None:
    """ "1.0" and " a" are not changed, NaN stays missing, and the index is kept."""
    cells = pd.Series(["1.0", " a", None, np.nan, pd.NA], index=[3, 1, 4, 1, 5], dtype=object)
    texts = as_text(cells)
    assert texts[:2].tolist() == ["1.0", " a"]
    assert texts.isna().tolist() == [False, False, True, True, True]
    assert texts.index.equals(cells.index)


# -------------------------------------------------------------------------------------------------- times
offsets = st.sampled_from(["", "Z", "+02:00", "-0330", "+02", "+14:00", " +02:00"])
times = st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1))


@LAW
@given(spelled=st.lists(st.tuples(times, offsets), min_size=1, max_size=4))
def test_times_are_read_in_local_time(spelled: list[tuple[datetime.datetime, str]]) -> None:
    """The UTC offset is ignored; a column may have several."""
    texts = pd.Series([time.isoformat(sep=" ") + offset for time, offset in spelled])
    clocks = [(time - datetime.datetime(1970, 1, 1)).total_seconds() for time, _ in spelled]
    np.testing.assert_allclose(read_seconds(texts, "at"), clocks, rtol=0, atol=1e-5)


@LAW
@given(time=times)
def test_a_time_is_read_the_same_from_every_type(time: datetime.datetime) -> None:
    """A datetime, its datetime64, its text and its timezone-aware object give the same seconds."""
    zoned = time.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=5)))
    held = [time, np.datetime64(time), time.isoformat(), zoned, zoned.isoformat()]
    seconds = [read_seconds(pd.Series([one], dtype=object), "at")[0] for one in held]
    np.testing.assert_allclose(seconds, seconds[0], rtol=0, atol=1e-5)
    assert np.unique(read_seconds(pd.Series(held, dtype=object), "at").round(4)).size == 1


# ------------------------------------------------------------------------------------------------- errors
def test_an_object_is_named_by_its_row_in_the_column() -> None:
    """The row in the error counts missing cells too; other types of cells pass."""
    with pytest.raises(CellTypeError) as raised:
        check_cell_types(pd.Series([None, "a", np.nan, {"b": 1}, []], dtype=object), "c")
    assert (raised.value.column, raised.value.row, raised.value.value) == ("c", 3, {"b": 1})
    fine = [None, "a", b"a", 1, 1.5, True, np.nan, pd.NA, pd.NaT, pd.Timestamp(0), datetime.date.max]
    check_cell_types(pd.Series(fine, dtype=object), "c")


def test_the_first_bad_cell_is_named() -> None:
    """The first of several bad cells is named; without a bad cell nothing is raised."""
    cells = pd.Series(["a", "b", "c"], index=[7, 8, 9])
    reject_cells(cells, np.array([False, False, False]), "c", "a number")
    with pytest.raises(CellError, match=r"column 'c', row 1: wanted a number, got 'b'"):
        reject_cells(cells, pd.Series([False, True, True], index=cells.index), "c", "a number")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("seconds", [0, 1_700_000_000, -1, 9_000_000_000_000, 9_467_085_600_000])
def test_seconds_are_read_in_every_unit(unit, seconds):
    """Also in years beyond the range of finer units."""
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    if abs(seconds * per_second) >= 2**63:
        return
    steps = np.array([seconds * per_second, np.iinfo(np.int64).min]).view(f"datetime64[{unit}]")
    read = read_seconds(pd.Series(steps), "day")
    assert read[0] == seconds
    assert np.isnan(read[1])

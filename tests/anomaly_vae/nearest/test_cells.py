"""The common form of rows, and changed cells in the form of the table."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import TabularVAEDetector
from anomaly_vae.columns.readers import BooleanReader, CategoryReader, DatetimeReader, NumberReader
from anomaly_vae.nearest.cells import common_form, fitting, typed, written


def test_the_common_form_scores_as_the_table_does(fitted: TabularVAEDetector, damaged: pd.DataFrame) -> None:
    """To the bit."""
    rows = common_form(damaged, fitted.model_.encoder.readers)
    assert fitted.model_.totals(rows).tolist() == fitted.score_samples(damaged).tolist()


def test_replacements_are_known_categories_and_near_times() -> None:
    """The category of rare ones becomes the most frequent, and a time moves by whole weeks."""
    readers = [CategoryReader("a", ("red", "blue")), DatetimeReader("b", 0.0)]
    rows = pd.DataFrame({"a": ["purple"], "b": np.array(["2026-03-05T10:00"], "datetime64[us]")})
    expected = pd.DataFrame({"a": ["<other>"], "b": np.array(["2020-01-01T12:00"], "datetime64[us]")})
    found = fitting(expected, rows, readers)
    assert found["a"].tolist() == ["red"]
    assert found["b"].tolist() == [pd.Timestamp("2026-03-04T12:00")]  # a Wednesday, as the expected day


@pytest.mark.parametrize(
    ("reader", "value", "cell", "dtype", "wanted"),
    [
        (NumberReader("a"), 3.0, 7, object, 3),
        (NumberReader("a"), 3.5, "7", object, "3.5"),
        (NumberReader("a"), 90.0, pd.Timedelta(1, "h"), "timedelta64[ns]", pd.Timedelta(90, "s")),
        (BooleanReader("a"), True, "false", object, "true"),
        (BooleanReader("a"), False, "TRUE", object, "FALSE"),
        (BooleanReader("a"), True, "0", object, "1"),
        (BooleanReader("a"), True, 0, object, 1),
        (BooleanReader("a"), True, False, bool, True),
        (CategoryReader("a", ("3", "4")), "3", 9, object, 3),
        (CategoryReader("a", ("x", "y")), "x", 9, object, "x"),
        (
            DatetimeReader("a", 0.0),
            datetime.datetime(2026, 1, 5, 8),
            "2026-02-01",
            object,
            "2026-01-05T08:00:00",
        ),
    ],
)
def test_a_cell_is_written_like_the_one_that_it_replaces(
    reader: object, value: object, cell: object, dtype: object, wanted: object
) -> None:
    """The same kind of value, in the same notation."""
    [found] = written([value], pd.Series([cell], dtype=dtype), reader)  # type: ignore[arg-type, call-overload]
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("cells", "dtype", "wanted"),
    [
        ([1, 2.0], "int64", "int64"),
        ([1, 2.5], "int64", "float64"),
        ([1, None], "int64", "float64"),
        ([1, None], "Int64", "Int64"),
        ([True, None], "bool", "object"),
        ([True, False], "bool", "bool"),
        (["x", "y"], pd.CategoricalDtype(["x"]), pd.CategoricalDtype(["x", "y"])),
        ([1.5, None], "float32", "float32"),
    ],
)
def test_a_column_keeps_its_type_if_it_can(cells: list[object], dtype: object, wanted: object) -> None:
    """No value is truncated to keep it."""
    column = typed(pd.Series(cells, dtype=object), pd.api.types.pandas_dtype(dtype))  # type: ignore[arg-type]
    assert column.dtype == wanted
    assert [cell for cell in column if not pd.isna(cell)] == [cell for cell in cells if cell is not None]

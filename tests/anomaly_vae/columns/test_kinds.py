"""The kind of a column: each kind is recognised in every pandas dtype that it can have."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anomaly_vae.columns.kinds import IDENTIFIER_ROWS, choose_reader, choose_readers, constant_value
from anomaly_vae.columns.readers import ConstantReader
from anomaly_vae.errors import CellError, CellTypeError, IdentifierColumnWarning, SchemaError

STAMPS = pd.Series(pd.date_range("2024-01-01", periods=3, freq="31h"))
ARROW_TEXT = pd.ArrowDtype(pa.string())

OF_KIND: dict[str, dict[str, pd.Series]] = {
    "numeric": {
        "float": pd.Series([0.5, 1.5, np.nan]),
        "float32": pd.Series([0.5, 1.5], dtype="float32"),
        "int": pd.Series([3, 1, 3]),
        "uint8": pd.Series([3, 1, 3], dtype="uint8"),
        "nullable Int64": pd.Series([3, 1, pd.NA], dtype="Int64"),
        "nullable Float64": pd.Series([0.5, 1.5, pd.NA], dtype="Float64"),
        "arrow int": pd.Series([3, 1, None], dtype=pd.ArrowDtype(pa.int64())),
        "arrow decimal": pd.Series(
            [decimal.Decimal("0.5"), decimal.Decimal("1.5")], dtype=pd.ArrowDtype(pa.decimal128(4, 2))
        ),
        "objects": pd.Series([1, 2.5, np.float32(3), None, pd.NA], dtype=object),
        "decimals": pd.Series([decimal.Decimal("0.5"), decimal.Decimal("1.5")], dtype=object),
        "booleans and numbers": pd.Series([True, 2, 3.5], dtype=object),
        "timedelta": pd.Series(pd.to_timedelta([1, 2, None], unit="h")),
        "arrow duration": pd.Series([1, 2, 4], dtype=pd.ArrowDtype(pa.duration("s"))),
        "infinite": pd.Series([np.inf, 1.0, -np.inf]),
        "ends of the range": pd.Series([1.7e308, -1.7e308]),
        "a falling counter": pd.Series(np.arange(100)[::-1]),
        "repeated numbers": pd.Series(np.arange(100) // 5),
    },
    "boolean": {
        "bool": pd.Series([True, False]),
        "nullable boolean": pd.Series([True, False, pd.NA], dtype="boolean"),
        "arrow": pd.Series([True, False, None], dtype=pd.ArrowDtype(pa.bool_())),
        "objects": pd.Series([True, False, None], dtype=object),
        "numpy objects": pd.Series([np.True_, False, pd.NA], dtype=object),
        "category": pd.Series([True, False], dtype="category"),
        "never false": pd.Series([True, True, True]),
    },
    "categorical": {
        "objects": pd.Series(["a", "b", None], dtype=object),
        "str": pd.Series(["a", "b", None], dtype="str"),
        "string": pd.Series(["a", "b", pd.NA], dtype="string"),
        "arrow": pd.Series(["a", "b", None], dtype=ARROW_TEXT),
        "arrow dictionary": pd.Series(["a", "b"], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
        "category": pd.Series(["a", "b", None], dtype="category"),
        "category of numbers": pd.Series([3, 1, 3], dtype="category"),
        "text and numbers": pd.Series([1, "b", 2.5], dtype=object),
        "text and booleans": pd.Series([True, "b"], dtype=object),
        "numbers as text": pd.Series(["1", "2"]),
        "years as text": pd.Series(["2023", "2024"]),
        "months as text": pd.Series(["2023-12", "2024-01"]),
        "digits as text": pd.Series(["20240101", "20240102"]),
        "nearly dates": pd.Series(["2024-01-01", "2024-13-01"]),
        "dates and more": pd.Series(["2024-01-01", "soon"]),
        "bytes": pd.Series([b"a", b"b"], dtype=object),
    },
    "datetime": {
        "ns": STAMPS,
        "s": STAMPS.astype("datetime64[s]"),
        "with NaT": pd.concat([STAMPS, pd.Series([pd.NaT])]),
        "zoned": STAMPS.dt.tz_localize("Europe/Berlin"),
        "arrow": STAMPS.astype(pd.ArrowDtype(pa.timestamp("us"))),
        "arrow zoned": STAMPS.dt.tz_localize("UTC").astype(pd.ArrowDtype(pa.timestamp("us", tz="UTC"))),
        "arrow dates": pd.Series([datetime.date(2024, 1, 1)] * 2, dtype=pd.ArrowDtype(pa.date32())),
        "timestamps": STAMPS.astype(object),
        "zoned timestamps": STAMPS.dt.tz_localize("UTC").astype(object),
        "dates": pd.Series([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 2, 3)], dtype=object),
        "datetime64": pd.Series([np.datetime64("2024-01-01"), None], dtype=object),
        "iso dates": pd.Series(["2024-01-01", "2024-02-29", None]),
        "iso times": pd.Series(["2024-01-01T10:00:00Z", "2024-01-01T10:00:00.5+02:00"]),
        "iso arrow": pd.Series(["2024-01-01 10:00", "2024-01-02"], dtype=ARROW_TEXT),
        "far away": pd.Series(["2024-01-01", "9999-12-31"]),
        "never changing": pd.Series(["2024-01-01", "2024-01-01"]),
        "always another": pd.Series([f"2024-01-01T00:00:{s:02d}" for s in range(60)]),
    },
    "constant": {
        "number": pd.Series([3, 3, 3]),
        "number up to rounding": pd.Series([0.3, 0.1 + 0.2]),
        "number with gaps": pd.Series([3.0, None, 3.0]),
        "text": pd.Series(["a", "a"]),
        "text with gaps": pd.Series(["a", None, "a"], dtype="string"),
        "one and one and one": pd.Series([1, "1", 1.0], dtype=object),
        "a single row": pd.Series([2.5]),
        "nothing": pd.Series([None, None], dtype=object),
        "NaN": pd.Series([np.nan, np.nan]),
        "NA": pd.Series([pd.NA, pd.NA], dtype="Int64"),
        "NaT": pd.Series([pd.NaT, pd.NaT]),
        "no text": pd.Series([None, None], dtype="string"),
    },
}

CASES = [
    pytest.param(cells, kind, id=f"{kind}-{name}")
    for kind, columns in OF_KIND.items()
    for name, cells in columns.items()
]


@pytest.mark.parametrize(("cells", "kind"), CASES)
def test_every_kind_is_recognised(cells: pd.Series, kind: str) -> None:
    """Numbers, booleans, dates, text and empty columns are distinguished, in every type of column."""
    assert choose_reader(cells, "c").kind == kind


@pytest.mark.parametrize(("cells", "kind"), CASES)
def test_the_chosen_reader_reads_its_column(cells: pd.Series, kind: str) -> None:
    """It gives features for present cells, and missing values for missing cells."""
    reader = choose_reader(cells, "c")
    floats, codes = reader.read(cells)
    for column in floats:
        np.testing.assert_array_equal(np.isnan(column), cells.isna())
    for column, width in zip(codes, reader.widths, strict=True):
        np.testing.assert_array_equal(column < 0, cells.isna())
        assert (column < width).all()
    if kind == "constant":
        assert all((column <= 0).all() for column in codes)
    if kind == "categorical":
        assert (codes[0] < reader.widths[0] - 1).all()


# -------------------------------------------------------------------------------------------- identifiers
@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(np.arange(100)),
        pd.Series(np.arange(100), dtype="Int64").where(np.arange(100) % 7 != 3),
        pd.Series(1_700_000_000 + 30 * np.arange(100)),
        pd.Series(np.arange(100) // 2),
        pd.Series(np.cumsum(np.random.default_rng(0).integers(1, 30, 100)).astype(float)),
        pd.Series([f"row {k}" for k in range(100)]),
        pd.Series([f"row {k}" for k in range(97)] + ["row 0"] * 3, dtype="category"),
    ],
    ids=[
        "counter",
        "counter with gaps",
        "clock",
        "two rows each",
        "sparse counter",
        "unique text",
        "almost unique text",
    ],
)
def test_an_identifier_is_left_out_with_a_warning(cells: pd.Series) -> None:
    """Row counters and text with almost no repeated value are named in a warning and give no features."""
    with pytest.warns(IdentifierColumnWarning, match="'customer'"):
        reader = choose_reader(cells, "customer")
    assert reader.kind == "identifier"
    assert (reader.n_numeric, reader.widths) == (0, ())


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(np.arange(IDENTIFIER_ROWS - 1)),
        pd.Series(np.random.default_rng(0).permutation(100)),
        pd.Series(1.5 * np.arange(100)),
        pd.Series([*np.arange(99), np.inf]),
        pd.Series([f"row {k}" for k in range(IDENTIFIER_ROWS - 1)]),
        pd.Series([f"row {k % 90}" for k in range(100)]),
    ],
    ids=["few rows", "shuffled", "not whole", "infinite", "few texts", "repeated texts"],
)
def test_numbers_and_texts_that_may_matter_stay(cells: pd.Series) -> None:
    """Few rows, unordered numbers, numbers with long steps, and repeated texts are not identifiers."""
    assert choose_reader(cells, "c").kind in ("numeric", "categorical")


# ------------------------------------------------------------------------------------------ said by the user
@pytest.mark.parametrize(
    ("said", "cells", "kind"),
    [
        ("categorical", pd.Series([17, 4, 17, 4]), "categorical"),
        ("categorical", pd.Series(np.arange(100)), "categorical"),
        ("categorical", pd.Series([f"row {k}" for k in range(100)]), "categorical"),
        ("categorical", pd.Series(["2026-01-31", "2026-02-01", None]), "categorical"),
        ("categorical", pd.Series([1.2, 1.3, np.nan]), "categorical"),
        ("numeric", pd.Series(np.arange(100)), "numeric"),
        ("numeric", pd.Series(["1", "2.5", None]), "numeric"),
        ("numeric", pd.Series([True, False]), "numeric"),
        ("boolean", pd.Series([0, 1, 1]), "boolean"),
        ("datetime", pd.Series(["2026-01-31", None]), "datetime"),
        ("identifier", pd.Series([1.5, 2.5]), "identifier"),
        ("ignore", pd.Series([[1], {}]), "identifier"),
        ("numeric", pd.Series([3, 3]), "constant"),
        ("categorical", pd.Series([None, None]), "constant"),
    ],
)
def test_the_user_decides(said: str, cells: pd.Series, kind: str) -> None:
    """Without a warning; a column without values, or with one, is constant all the same."""
    reader = choose_reader(cells, "c", said)
    assert reader.kind == kind
    reader.read(cells)


@pytest.mark.parametrize(("said", "wanted"), [("numeric", "a number"), ("datetime", "a date and time")])
def test_cells_of_another_kind_are_refused(said: str, wanted: str) -> None:
    """By their row in the whole column."""
    with pytest.raises(CellError, match=f"'c', row 2: wanted {wanted}.*'x'"):
        choose_reader(pd.Series([None, None, "x"]), "c", said)


def test_kinds_apply_to_columns_that_exist() -> None:
    """Also of an array, whose columns are x0, x1, ..."""
    X = np.array([[17.0, 1.0], [4.0, 2.5], [17.0, 3.0]])
    kinds = [reader.kind for reader in choose_readers(X, ["x0", "x1"], {"x0": "categorical"})]
    assert kinds == ["categorical", "numeric"]
    with pytest.raises(SchemaError, match="'store' is not a column of the table: x0, x1"):
        choose_readers(X, ["x0", "x1"], {"store": "categorical"})


# ------------------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize("cell", [{"a": 1}, [1], (1,), {1}, object()], ids=lambda cell: type(cell).__name__)
def test_an_object_is_an_error(cell: Any) -> None:
    """A cell that is not text, a number, a boolean or a date is a CellTypeError that names column and row."""
    with pytest.raises(CellTypeError, match=type(cell).__name__) as raised:
        choose_reader(pd.Series(["a", None, cell, "b"], dtype=object), "c")
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, ValueError)
    assert (raised.value.column, raised.value.row) == ("c", 2)


# ---------------------------------------------------------------------------------------- constant_value
@pytest.mark.parametrize(
    ("values", "constant"),
    [
        ([3.0, np.nan, 3.0], 3.0),
        ([0.0, -0.0], 0.0),
        ([1e300, 1e300], 1e300),
        ([1.0, 1.0 + 1e-9], None),
        ([1e-20, 2e-20], None),
        ([0.0, 1e-300], None),
        ([np.inf, np.inf], None),
        ([1.0, np.inf], None),
        ([-1.7e308, 1.7e308], None),
    ],
)
def test_constants_are_compared_up_to_rounding(values: list[float], constant: float | None) -> None:
    """The constant of a column is its only value, up to rounding, for small and large values."""
    assert constant_value(np.array(values)) == constant


def test_the_reader_of_a_constant_has_its_value() -> None:
    """A number as a float, and a text as a text."""
    assert choose_reader(pd.Series([3, 3]), "c") == ConstantReader("c", 3.0)
    assert choose_reader(pd.Series(["a", "a"]), "c") == ConstantReader("c", "a")

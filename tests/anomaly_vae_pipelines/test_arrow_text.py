"""Arrow columns of any type as text and JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.arrow_text import is_number, json_values, local_timestamps, row_as_json, text_of

FAR = 9_000_000_000_000
"""Seconds since 1970, in the year 287168."""

PAIR = pa.struct({"a": pa.int8(), "b": pa.string()})
MOMENTS = pa.map_(pa.string(), pa.timestamp("s"))


def texts(values, kind) -> list[str | None]:
    return text_of(pa.chunked_array([pa.array(values, kind)])).to_pylist()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], pa.uint64(), ["1", None]),
        ([True, None], pa.bool_(), ["true", None]),
        ([0.1, None], pa.float32(), ["0.1", None]),
        (["a", "", None], pa.string_view(), ["a", "", None]),
        (["a", None], pa.large_string(), ["a", None]),
        ([b"\xff", b"", None], pa.binary(), ["/w==", "", None]),
        ([b"ab", None], pa.binary(2), ["YWI=", None]),
        ([b"ab", None], pa.binary_view(), ["YWI=", None]),
        ([Decimal("1.50"), None], pa.decimal256(50, 2), ["1.50", None]),
        ([0, -1, None], pa.date32(), ["1970-01-01", "1969-12-31", None]),
        ([0, 100_000_000, None], pa.date32(), ["1970-01-01", "275760-09-13", None]),
        ([0, -100_000_000], pa.date32(), ["1970-01-01", "-271821-04-20"]),
        ([0, FAR, None], pa.timestamp("s"), ["1970-01-01 00:00:00", "287168-08-24 16:00:00", None]),
        ([FAR * 1000 + 5], pa.timestamp("ms"), ["287168-08-24 16:00:00.005"]),
        ([0], pa.timestamp("s", "Europe/Berlin"), ["1970-01-01 01:00:00+0100"]),
        ([FAR], pa.timestamp("s", "Europe/Berlin"), ["287168-08-24 16:00:00Z"]),
        ([1], pa.timestamp("ns"), ["1970-01-01 00:00:00.000000001"]),
        ([1, None], pa.time64("ns"), ["00:00:00.000000001", None]),
        ([1500, -2, None], pa.duration("ms"), ["1.5", "-0.002", None]),
        ([10**18 + 1], pa.duration("ns"), ["1000000000.000000001"]),
        ([None], pa.null(), [None]),
        ([[1, None], [], None], pa.list_(pa.int8()), ["[1, null]", "[]", None]),
        ([[1, 2], None], pa.list_(pa.int8(), 2), ["[1, 2]", None]),
        ([{"a": 1, "b": None}, None], PAIR, ['{"a": 1, "b": null}', None]),
        ([[("k", FAR)], None], MOMENTS, ['[["k", "287168-08-24 16:00:00"]]', None]),
        ([[[b"\xff"]]], pa.list_(pa.list_(pa.binary())), ['[["/w=="]]']),
    ],
)  # fmt: skip
def test_every_type_has_a_text(values, kind, expected):
    """Whatever its values are, null where it is null."""
    assert texts(values, kind) == expected
    assert texts([*values, *values], kind)[len(values) :] == expected


def test_layers_do_not_show():
    """Dictionaries, runs and extension types are written as what they stand for."""
    column = pa.chunked_array([pa.array(["a", None, "b"]).dictionary_encode()] * 2)
    assert text_of(column).to_pylist() == ["a", None, "b"] * 2
    assert text_of(pa.array([1, 1, 2]).cast(pa.int64())).to_pylist() == ["1", "1", "2"]
    encoded = pa.RunEndEncodedArray.from_arrays([2, 3], ["x", None])
    assert text_of(encoded).to_pylist() == ["x", "x", None]
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16)))
    assert text_of(ids).to_pylist() == [base64.b64encode(bytes(16)).decode(), None]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_numbers_of_every_width_are_json_numbers(kind):
    """Older versions of pyarrow return numpy numbers for halves, which are not JSON."""
    column = pa.array(np.array([1.5, -2, np.inf, np.nan], kind.to_pandas_dtype()), kind)
    assert json.dumps(json_values(column)) == '[1.5, -2.0, "Infinity", "NaN"]'
    assert json.loads(row_as_json(pa.table({"x": column}), 0)) == {"x": 1.5}


@given(st.lists(st.one_of(st.none(), st.floats(width=64)), max_size=5))
def test_any_float_is_valid_json_that_reads_back(values):
    """Infinities and NaN are text, as JSON has none."""
    column = pa.array(values, pa.float64())
    text = json.dumps(json_values(column), allow_nan=False)
    back = [None if value is None else float(value) for value in json.loads(text)]
    np.testing.assert_array_equal(np.array(back, float), np.array(values, float))


@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=4),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_any_moment_reads_back(values, unit):
    """As numpy reads it, to the last step."""
    column = pa.array([None if v == -(2**63) else v for v in values], pa.timestamp(unit))
    back = [
        None if text is None else np.datetime64(text.replace(" ", "T"), unit).astype(int)
        for text in text_of(column).to_pylist()
    ]
    assert back == column.cast(pa.int64()).to_pylist()


@given(st.lists(st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)), max_size=4))
def test_any_date_reads_back(values):
    """As numpy reads it."""
    back = [None if text is None else np.datetime64(text).astype(int) for text in texts(values, pa.date32())]
    assert back == values


def test_slices_and_chunks_do_not_show():
    """A part of a nested column is that part."""
    column = pa.array(
        [[{"a": [1]}], None, [{"a": None}, None], []], pa.list_(pa.struct({"a": pa.list_(pa.int8())}))
    )
    expected = [[{"a": [1]}], None, [{"a": None}, None], []]
    assert json_values(column) == expected
    assert json_values(column.slice(2)) == expected[2:]
    assert json_values(pa.chunked_array([column.slice(0, 1), column.slice(1)])) == expected
    pairs = pa.array([[("a", 1)], None, [("b", None), ("b", 2)]], pa.map_(pa.string(), pa.int8()))
    assert json_values(pairs.slice(1)) == [None, [["b", None], ["b", 2]]]


def test_a_row_is_an_object():
    """With every column, whatever its type."""
    table = pa.table({"a": pa.array([1, FAR], pa.timestamp("s")), "b": [["x"], None]})
    assert json.loads(row_as_json(table, 1)) == {"a": "287168-08-24 16:00:00", "b": None}


def test_a_moment_without_a_known_time_zone_is_taken_in_utc():
    """Others keep the clock on the spot."""
    near = pa.chunked_array([pa.array([0, None], pa.timestamp("s", "Europe/Berlin"))])
    assert local_timestamps(near) is near
    far = local_timestamps(pa.chunked_array([pa.array([0, FAR, None], pa.timestamp("s", "Europe/Berlin"))]))
    assert far.type == pa.timestamp("s")
    assert far[0].as_py() == dt.datetime(1970, 1, 1, 1)
    assert far.cast(pa.int64()).to_pylist()[1:] == [FAR, None]


def test_numbers_and_booleans_are_told_from_all_other_types():
    """A column with only nulls holds no text either."""
    numbers = (pa.null(), pa.bool_(), pa.uint8(), pa.int64(), pa.float16(), pa.float64(), pa.decimal128(9, 2))
    others = (pa.string(), pa.binary(), pa.date32(), pa.time64("us"), pa.timestamp("s"), pa.duration("s"))
    assert all(map(is_number, numbers))
    assert not any(map(is_number, (*others, pa.list_(pa.int8()), pa.month_day_nano_interval())))

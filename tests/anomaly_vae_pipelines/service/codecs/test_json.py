"""JSON is decoded as Python decodes it, and rows of numbers directly."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.codecs.json import parse_json, rows_of_numbers

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | st.none()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_what_python_encodes_is_decoded(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


def test_nan_and_infinities_are_numbers() -> None:
    assert math.isnan(parse_json(b"NaN"))
    assert parse_json(b"[Infinity, -Infinity, 1e999]") == [math.inf, -math.inf, math.inf]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"{} {}"])
def test_anything_else_is_refused_with_the_way_out(data: bytes) -> None:
    with pytest.raises(InputError, match="is not JSON .*; try CSV"):
        parse_json(data, "; try CSV")


@given(st.lists(st.tuples(numbers, numbers), max_size=5))
def test_rows_of_numbers_are_a_matrix_in_the_order_of_the_columns(rows: list[tuple[float, float]]) -> None:
    """Whatever their order in the text; null is NaN, and other fields are ignored."""
    text = json.dumps({"rows": [{"b": b, "other": "x", "a": a} for a, b in rows]}).encode()
    values = rows_of_numbers(text, ("a", "b"))
    wanted = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=float)
    assert values is not None
    np.testing.assert_array_equal(values, wanted.reshape(-1, 2))


@pytest.mark.parametrize(
    "text", [b'{"rows": [{"a": "1"}]}', b'{"rows": [{}]}', b"[]", b'{"rows": [{"a": true}]}', b"{"]
)
def test_rows_that_are_not_all_numbers_are_left_to_the_other_decoder(text: bytes) -> None:
    assert rows_of_numbers(text, ("a",)) is None

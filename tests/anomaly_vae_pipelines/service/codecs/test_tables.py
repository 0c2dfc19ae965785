"""Rows in JSON, CSV and Arrow are the same records."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.reading import Reading
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.records import NumberRows
from anomaly_vae_pipelines.service.codecs.tables import check_count, rows_of_csv, rows_of_json, rows_of_table
from anomaly_vae_pipelines.service.errors import RefusedRowsError, TooLargeError
from anomaly_vae_pipelines.service.models.inputs import ModelInputs

NUMBERS = ModelInputs(
    {"x": "numeric", "y": "numeric"}, frozenset("xy"), None, joins=True, reading=Reading(names=("x", "y"))
)
MIXED = ModelInputs(
    {"x": "numeric", "name": "categorical", "id": "identifier"}, frozenset("x"), None, joins=True
)
FLOATS = pa.schema({"x": pa.float64(), "y": pa.float64()})
cells = st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_numbers_are_the_same_in_every_format(table: list[tuple[float | None, float | None]]) -> None:
    """To the last bit."""
    rows = [{"x": x, "y": y} for x, y in table]
    lines = ["x,y", *(",".join("NA" if cell is None else repr(cell) for cell in row) for row in table)]
    read = [
        rows_of_json(json.dumps({"rows": rows}).encode(), NUMBERS, 10),
        rows_of_csv("\n".join(lines).encode(), NUMBERS, 10),
        rows_of_table(pa.Table.from_pylist(rows, FLOATS), NUMBERS, 10),
    ]
    for one in read:
        assert isinstance(one, NumberRows)
        np.testing.assert_array_equal(one.values, read[0].values)  # type: ignore[attr-defined]


def test_a_column_that_is_not_read_may_be_missing() -> None:
    rows = rows_of_json(b'{"rows": [{"name": "a", "x": "1.5", "more": 1}]}', MIXED, 10)
    assert rows.table.to_pylist() == [{"x": 1.5, "name": "a", "id": None}]


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"rows\[1\]: there is no column 'name'.*did you mean 'nam'"):
        rows_of_json(b'{"rows": [{"x": 1, "name": ""}, {"x": 1, "nam": ""}]}', MIXED, 10)


def test_rows_that_cannot_be_read_are_named_by_row_or_line() -> None:
    with pytest.raises(RefusedRowsError) as in_json:
        rows_of_json(b'{"rows": [{"x": 1, "y": 2}, {"x": "a", "y": 2}]}', NUMBERS, 10)
    assert in_json.value.first_problems()[0]["row"] == 1
    with pytest.raises(RefusedRowsError) as in_csv:
        rows_of_csv(b"x,y\n1,2\na,2\n", NUMBERS, 10)
    assert in_csv.value.first_problems()[0]["line"] == 3


def test_columns_of_arrow_must_have_unique_names() -> None:
    with pytest.raises(InputError, match="'x' occurs twice"):
        rows_of_table(pa.table([[1.0], [2.0]], names=["x", "x"]), NUMBERS, 10)


def test_rows_are_counted() -> None:
    check_count(10, 10)
    with pytest.raises(TooLargeError, match="may have 10 rows, got 11"):
        check_count(11, 10)
    with pytest.raises(InputError, match="at least one"):
        check_count(0, 10)

"""Tensors of the Open Inference Protocol: read as they were meant, or refused with what was wanted."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import NumberRows
from anomaly_vae_pipelines.service.codecs.tensors import parse_request, rows_of_tensors
from anomaly_vae_pipelines.service.errors import ServiceError
from anomaly_vae_pipelines.service.models.inputs import ModelInputs

NUMBERS = ModelInputs({"x": "numeric", "y": "numeric"}, frozenset("xy"), None, joins=True)
MIXED = ModelInputs(
    {"x": "numeric", "name": "categorical", "id": "identifier"}, frozenset("x"), None, joins=True
)


def read(content: Any, form: ModelInputs = NUMBERS, tail: bytes = b"") -> Any:
    """The rows of a request, with tensors behind its JSON if there are any."""
    head = json.dumps(content).encode()
    request = parse_request(head + tail, str(len(head)) if tail else None, 1000)
    return rows_of_tensors(request, form, 100)


def given_tensor(**changes: Any) -> dict[str, Any]:
    """A request of one matrix, with changes."""
    tensor = {"name": "rows", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]} | changes
    return {"inputs": [tensor]}


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_a_matrix_is_flat_or_nested(data: Any) -> None:
    """The protocol allows both."""
    rows = read(given_tensor(data=data))
    assert isinstance(rows, NumberRows)
    assert rows.values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT32", "INT64", "UINT8", "UINT16"])
def test_every_number_is_read_in_binary(datatype: str) -> None:
    """In the byte order of the protocol."""
    kind = {"FP": "f", "UI": "u", "IN": "i"}[datatype[:2]]
    size = int("".join(filter(str.isdigit, datatype))) // 8
    tail = np.array([1, 2, 3, 4], dtype=f"<{kind}{size}").tobytes()
    content = given_tensor(datatype=datatype, parameters={"binary_data_size": len(tail)}, data=None)
    assert read(content, tail=tail).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_columns_come_in_any_order_and_without_identifiers() -> None:
    """What is not looked at may be left out."""
    inputs = [
        {"name": "name", "shape": [2], "datatype": "BYTES", "data": ["a", None]},
        {"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [[1], [None]]},
    ]
    rows = read({"inputs": inputs}, MIXED)
    assert rows.table.column_names == ["x", "name", "id"]
    assert rows.table["name"].to_pylist() == ["a", None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], 'wanted {"inputs"'),
        ({"inputs": []}, 'wanted {"inputs"'),
        ({"inputs": ["x"]}, r"inputs\[0\]: wanted an object"),
        (given_tensor(datatype="FP99"), "wanted a datatype"),
        (given_tensor(datatype=None), "wanted a datatype"),
        (given_tensor(shape=[2, -1]), "wanted a shape"),
        (given_tensor(shape=[]), "wanted a shape"),
        (given_tensor(shape="no"), "wanted a shape"),
        (given_tensor(shape=[True, 2]), "wanted a shape"),
        (given_tensor(shape=[2, 3]), "has 6 values, got 4"),
        (given_tensor(shape=[2**40, 2**40]), "more than a request may have"),
        (given_tensor(shape=[0, 2], data=[]), "holds no rows"),
        (given_tensor(data=[[1, 2], 3]), "nested unevenly"),
        (given_tensor(data=[1, 2, 3, "four"]), "type str"),
        (
            given_tensor(datatype="INT64", data=[1, 2, 3, 2**70]),
            "wanted numbers, got a value|range of INT64",
        ),
        (given_tensor(datatype="BOOL", data=[1, 0, 1, 0]), "wanted true or false"),
        (given_tensor(parameters={"binary_data_size": 8}), "bytes that are left"),
        (given_tensor() | {"outputs": [{"name": "nothing"}]}, "outputs: wanted names of score"),
        (given_tensor() | {"outputs": 3}, "wanted a list"),
        ({"inputs": given_tensor()["inputs"] * 2}, "same name"),
    ],
)
def test_what_is_no_request_is_told_why(content: Any, said: str) -> None:
    """By the input, with what was wanted."""
    with pytest.raises((InputError, ServiceError), match=said):
        read(content)


def test_bytes_left_behind_are_refused() -> None:
    """A tail that belongs to no tensor is a mistake somewhere."""
    with pytest.raises(InputError, match="8 bytes follow the last binary tensor"):
        read(given_tensor(), tail=bytes(8))


def test_texts_are_cut_at_their_lengths() -> None:
    """A length that reaches past the end is refused."""
    tail = (5).to_bytes(4, "little") + b"ab"
    content = {
        "inputs": [
            {
                "name": "name",
                "shape": [1],
                "datatype": "BYTES",
                "parameters": {"binary_data_size": len(tail)},
            },
            {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]},
        ]
    }
    with pytest.raises(InputError, match="cut short"):
        read(content, MIXED, tail)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("name", "shape", "datatype", "data", "parameters"), json_values)
    )
)
def test_nothing_in_json_does_more_than_be_refused(tensor: dict[str, Any]) -> None:
    """Whatever its parts are."""
    with contextlib.suppress(InputError, ServiceError):
        read({"inputs": [given_tensor()["inputs"][0] | tensor]})

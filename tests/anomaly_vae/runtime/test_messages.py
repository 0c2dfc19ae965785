"""Messages of ONNX's file format, against those of the package onnx."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from anomaly_vae.runtime.messages import new_constant, new_node, tensor

ALONE = """
import sys
from anomaly_vae.runtime.messages import onnx_messages, new_node
node = new_node("Add", ["a", "b"], ["c"])
assert "onnx" not in sys.modules
import onnx
assert onnx.NodeProto is onnx_messages().NodeProto
onnx.checker.check_node(node)
"""


def test_the_rest_of_onnx_is_not_imported() -> None:
    """A later import of onnx uses the same classes."""
    subprocess.run([sys.executable, "-c", ALONE], check=True)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"axis": -1, "keepdims": 0},
        {"axes": [1, 2]},
        {"alpha": 0.5},
        {"values": [0.5, 1.5]},
        {"mode": "linear"},
        {"domain": "ai.onnx.ml", "keys_strings": ["a", "ä"], "values_int64s": [0, 1], "default_int64": 7},
    ],
)
def test_operators_are_those_of_onnx(attributes: dict[str, Any]) -> None:
    """Integers, floats, texts and lists of them as attributes."""
    wanted = helper.make_node("Kind", ["x", "y"], ["z"], **attributes)
    assert new_node("Kind", ["x", "y"], ["z"], **attributes) == wanted


@pytest.mark.parametrize(
    "values",
    [
        np.array(1.5),
        np.arange(6.0).reshape(2, 3),
        np.arange(3, dtype=np.float32),
        np.array([[1], [-2]]),
        np.array([True, False]),
        np.array(["a", "ä"], dtype=object),
        np.zeros((0, 2)),
        np.arange(3.0).astype(">f8"),
    ],
)
def test_constants_are_read_by_onnx(values: np.ndarray[Any, Any]) -> None:
    """Shape, type and values."""
    native = values if values.dtype == object else values.astype(values.dtype.newbyteorder("="))
    constant = new_constant("c", native)
    assert constant == numpy_helper.from_array(native, "c")


def test_inputs_are_those_of_onnx() -> None:
    """With sizes that are known, and one that is not."""
    wanted = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n_rows", 3])
    assert tensor("x", np.float32, "n_rows", 3) == wanted

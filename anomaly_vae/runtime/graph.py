"""Graph: an ONNX graph under construction; values are the names of its tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
"""Version of the operators; every ONNX Runtime since 1.12 (2022) has it."""

ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 3
"""The operators that read texts, and their version that belongs to ``OPSET``."""

LANES = 16
"""Floats in one 512-bit register."""

DOUBLE, FLOAT, INT64 = (int(kind) for kind in (TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.INT64))

_IR_VERSION = 8
"""Version of the file format that belongs to ``OPSET``."""


class Graph:
    """Nodes and constants in the order in which they were added.

    A result of ``node`` is the name of the new tensor. Constants with the same content are stored once.

    Parameters
    ----------
    prefix : str
        Start of the names of all tensors of the graph; no name of an input or output may start with it.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._values: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The result of an operator with one output."""
        return self.nodes(kind, 1, *inputs, **attributes)[0]

    def nodes(self, kind: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """The results of an operator."""
        position = len(self._nodes)
        outputs = [f"{self._prefix}{kind.lower()}_{position}_{k}" for k in range(n_outputs)]
        # ONNX Runtime 1.20 names fused nodes after their first node, and rejects equal names.
        self._nodes.append(helper.make_node(kind, list(inputs), outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, values: NDArray[Any]) -> str:
        """A constant tensor."""
        values = np.ascontiguousarray(values)
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            name = f"{self._prefix}constant_{len(self._constants)}"
            self._constants[key] = name
            self._values.append(numpy_helper.from_array(values, name))
        return self._constants[key]

    def floats(self, values: Any) -> str:
        """A constant tensor of 32-bit floats."""
        return self.constant(np.asarray(values, dtype=np.float32))

    def doubles(self, values: Any) -> str:
        """A constant tensor of 64-bit floats."""
        return self.constant(np.asarray(values, dtype=np.float64))

    def integers(self, values: Any) -> str:
        """A constant tensor of 64-bit integers."""
        return self.constant(np.asarray(values, dtype=np.int64))

    def total(self, terms: Sequence[str]) -> str:
        """The sum of tensors of one shape."""
        result = terms[0]
        for term in terms[1:]:
            result = self.node("Add", result, term)
        return result

    def product(self, x: str, weight: NDArray[Any]) -> str:
        """``x @ weight``, whose rows have the same bits at every position.

        Narrow results are computed by other code, and sums over a row by code that depends on the alignment
        of the row in memory. So the weight is padded with columns of zeros to a multiple of ``LANES``.
        """
        n_outputs = weight.shape[1]
        n_missing = -n_outputs % LANES
        wide = np.pad(weight, ((0, 0), (0, n_missing)))
        result = self.node("MatMul", x, self.constant(wide))
        return self.columns(result, 0, n_outputs) if n_missing else result

    def affine(self, x: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """``x @ weight + bias``."""
        return self.node("Add", self.product(x, weight), self.floats(bias))

    def columns(self, x: str, start: int, stop: int) -> str:
        """Columns ``start`` to ``stop`` of a matrix."""
        return self.node("Slice", x, self.integers([start]), self.integers([stop]), self.integers([1]))

    def row_sums(self, x: str, weights: NDArray[Any]) -> str:
        """Weighted sums over the rows of a matrix of floats, in double precision, shape (n_rows, 1)."""
        return self.product(self.node("Cast", x, to=DOUBLE), np.asarray(weights, dtype=np.float64)[:, None])

    def model(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[tuple[str, onnx.ValueInfoProto]],
        *,
        producer_version: str,
        doc: str = "",
        metadata: dict[str, str] | None = None,
    ) -> onnx.ModelProto:
        """The finished model, in which each output has the value of a tensor."""
        nodes = list(self._nodes)
        for value, output in outputs:
            nodes.append(helper.make_node("Identity", [value], [output.name], name=output.name))
        uses_ml = any(node.domain == ML_DOMAIN for node in nodes)
        ml = [helper.make_opsetid(ML_DOMAIN, ML_OPSET)] if uses_ml else []
        graph = helper.make_graph(
            nodes, "anomaly_vae", list(inputs), [output for _, output in outputs], self._values
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), *ml],
            ir_version=_IR_VERSION,
            producer_name="anomaly-vae",
            producer_version=producer_version,
            doc_string=doc,
        )
        if metadata:
            helper.set_model_props(model, metadata)
        return model


def tensor(name: str, kind: Any, *shape: int | str) -> onnx.ValueInfoProto:
    """The description of an input or output; a text is a dimension of any size."""
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)

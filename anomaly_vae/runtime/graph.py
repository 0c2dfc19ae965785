"""Graph: an ONNX graph under construction; values are the names of its tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.runtime.messages import DOUBLE, new_constant, new_node, onnx_messages

if TYPE_CHECKING:
    import onnx

OPSET = 17
"""Version of the operators; every ONNX Runtime since 1.12 (2022) has it."""

ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 3
"""The operators that read texts, and their version that belongs to ``OPSET``."""

_ORT_DOMAIN = "com.microsoft"
"""Operators that only ONNX Runtime has."""

LANES = 16
"""Floats in one 512-bit register."""

_IR_VERSION = 8
"""Version of the file format that belongs to ``OPSET``."""


def wide(n_columns: int) -> int:
    """The next multiple of ``LANES``."""
    return -(-n_columns // LANES) * LANES


class Graph:
    """Nodes and constants in the order in which they were added.

    A result of ``node`` is the name of the new tensor. Equal operators of the same inputs are computed once,
    and constants with the same content are stored once.

    Parameters
    ----------
    prefix : str
        Start of the names of all tensors of the graph; no name of an input or output may start with it.
    is_portable : bool
        Whether the graph has only operators of the ONNX standard.
    """

    def __init__(self, prefix: str = "", *, is_portable: bool = False) -> None:
        self._prefix, self._is_portable = prefix, is_portable
        self._nodes: list[onnx.NodeProto] = []
        self._results: dict[tuple[Any, ...], list[str]] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._values: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The result of an operator with one output."""
        return self.nodes(kind, 1, *inputs, **attributes)[0]

    def nodes(self, kind: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """The results of an operator."""
        key = (kind, n_outputs, inputs, repr(sorted(attributes.items())))
        if key not in self._results:
            self._results[key] = self._new(kind, n_outputs, inputs, attributes)
        return self._results[key]

    def _new(
        self, kind: str, n_outputs: int, inputs: tuple[str, ...], attributes: dict[str, Any]
    ) -> list[str]:
        position = len(self._nodes)
        outputs = [f"{self._prefix}{kind.lower()}_{position}_{k}" for k in range(n_outputs)]
        # ONNX Runtime 1.20 names fused nodes after their first node, and rejects equal names.
        self._nodes.append(new_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, values: NDArray[Any]) -> str:
        """A constant tensor."""
        values = np.ascontiguousarray(values)
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            name = f"{self._prefix}constant_{len(self._constants)}"
            self._constants[key] = name
            self._values.append(new_constant(name, values))
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
        n_missing = wide(n_outputs) - n_outputs
        result = self.node("MatMul", x, self.constant(np.pad(weight, ((0, 0), (0, n_missing)))))
        return self.columns(result, 0, n_outputs) if n_missing else result

    def affine(self, x: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        """``x @ weight + bias``, computed as ``product`` is."""
        n_outputs = weight.shape[1]
        n_missing = wide(n_outputs) - n_outputs
        weight, bias = np.pad(weight, ((0, 0), (0, n_missing))), np.pad(bias, (0, n_missing))
        result = self.node("Gemm", x, self.constant(weight), self.floats(bias))
        return self.columns(result, 0, n_outputs) if n_missing else result

    def silu(self, x: str) -> str:
        """The activation ``x * sigmoid(x)``."""
        if self._is_portable:
            return self.node("Mul", x, self.node("Sigmoid", x))
        return self.node("QuickGelu", x, domain=_ORT_DOMAIN, alpha=1.0)

    def widened(self, x: str, n_columns: int) -> str:
        """A matrix of ``n_columns``, padded with columns of zeros to a multiple of ``LANES``."""
        n_missing = wide(n_columns) - n_columns
        return self.node("Pad", x, self.integers([0, 0, 0, n_missing])) if n_missing else x

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
            nodes.append(new_node("Identity", [value], [output.name], name=output.name))
        messages = onnx_messages()
        graph = messages.GraphProto(name="anomaly_vae", node=nodes, initializer=self._values)
        graph.input.extend(inputs)
        graph.output.extend(output for _, output in outputs)
        model: onnx.ModelProto = messages.ModelProto(
            ir_version=_IR_VERSION,
            producer_name="anomaly-vae",
            producer_version=producer_version,
            graph=graph,
            doc_string=doc,
        )
        model.opset_import.add(domain="", version=OPSET)
        for domain, version in ((ML_DOMAIN, ML_OPSET), (_ORT_DOMAIN, 1)):
            if any(node.domain == domain for node in nodes):
                model.opset_import.add(domain=domain, version=version)
        for key, value in (metadata or {}).items():
            model.metadata_props.add(key=key, value=value)
        return model

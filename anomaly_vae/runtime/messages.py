"""The messages of ONNX's file format: nodes, constants and tensors, without the rest of the package ``onnx``.

``import onnx`` also imports checkers, version converters and printers. That takes longer than all other steps
of building a graph.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

DOUBLE, FLOAT, INT32, INT64 = 11, 1, 6, 7
"""``TensorProto.DOUBLE``, ``FLOAT``, ``INT32`` and ``INT64``."""

_BOOL, _STRING = 9, 8
_KINDS = {
    np.dtype(np.float64): DOUBLE,
    np.dtype(np.float32): FLOAT,
    np.dtype(np.int64): INT64,
    np.dtype(np.bool_): _BOOL,
    np.dtype(np.str_): _STRING,
    np.dtype(object): _STRING,
}
_ATTRIBUTES: tuple[tuple[type, str, str], ...] = (
    (int, "i", "ints"),
    (float, "f", "floats"),
    (str, "s", "strings"),
)
"""Types of attributes, and the fields for one value and for several."""

_NAME = "onnx.onnx_ml_pb2"


@cache
def onnx_messages() -> ModuleType:
    """The module ``onnx.onnx_ml_pb2``, with ``ModelProto`` and others.

    It has this name in ``sys.modules``, so that a later ``import onnx`` uses the same classes.
    """
    if _NAME in sys.modules:
        return sys.modules[_NAME]
    package = PathFinder.find_spec("onnx")
    for folder in (package.submodule_search_locations if package else None) or ():
        spec = spec_from_file_location(_NAME, Path(folder, "onnx_ml_pb2.py"))
        if spec is None or spec.loader is None:
            continue
        module = module_from_spec(spec)
        sys.modules[_NAME] = module
        try:
            spec.loader.exec_module(module)
        except FileNotFoundError:
            del sys.modules[_NAME]
            continue
        return module
    from onnx import onnx_ml_pb2  # another layout of the package

    return onnx_ml_pb2


def new_node(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    name: str = "",
    domain: str = "",
    **attributes: Any,
) -> onnx.NodeProto:
    """An operator; an attribute is an integer, a float, a text, or a list of one of these."""
    node: onnx.NodeProto = onnx_messages().NodeProto(
        op_type=kind, input=inputs, output=outputs, name=name or None, domain=domain or None
    )
    node.attribute.extend(_attribute(name, value) for name, value in sorted(attributes.items()))
    return node


def new_constant(name: str, values: NDArray[Any]) -> onnx.TensorProto:
    """An array as a constant tensor; an array of objects holds texts."""
    constant: onnx.TensorProto = onnx_messages().TensorProto(
        name=name, data_type=_KINDS[values.dtype], dims=values.shape
    )
    if values.dtype == object:
        constant.string_data.extend(text.encode() for text in values.ravel())
    else:
        constant.raw_data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return constant


def tensor(name: str, kind: Any, *shape: int | str) -> onnx.ValueInfoProto:
    """The description of an input or output; a text is a dimension of any size."""
    described: onnx.ValueInfoProto = onnx_messages().ValueInfoProto(name=name)
    described.type.tensor_type.elem_type = _KINDS[np.dtype(kind)]
    for size in shape:
        part = {"dim_param": size} if isinstance(size, str) else {"dim_value": size}
        described.type.tensor_type.shape.dim.add(**part)
    return described


def _attribute(name: str, value: Any) -> onnx.AttributeProto:
    kinds = onnx_messages().AttributeProto
    many = not isinstance(value, int | float | str)
    values = list(value) if many else [value]
    kind, field, fields = next(entry for entry in _ATTRIBUTES if isinstance(values[0], entry[0]))
    if kind is str:
        values = [text.encode() for text in values]
    if many:
        return kinds(name=name, type=getattr(kinds, fields.upper()), **{fields: values})  # type: ignore[no-any-return]
    return kinds(name=name, type=getattr(kinds, fields.upper().removesuffix("S")), **{field: values[0]})  # type: ignore[no-any-return]

"""Tensors: requests and answers of the Open Inference Protocol V2, in JSON or with binary tensors.

See https://github.com/kserve/open-inference-protocol. Binary tensors follow Triton's binary data extension:
the JSON has ``Inference-Header-Content-Length`` bytes, and the tensors follow it in order. A table is one
tensor per column, or one matrix with the columns of the model; images are one tensor.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.records import Rows, ScoredRows
from anomaly_vae_pipelines.service.codecs.answers import result_columns
from anomaly_vae_pipelines.service.codecs.images import rows_of_arrays
from anomaly_vae_pipelines.service.codecs.json import parse_json
from anomaly_vae_pipelines.service.codecs.schemas import InferAnswer, OutputTensor, TensorMetadata
from anomaly_vae_pipelines.service.codecs.tables import check_count, rows_of_table
from anomaly_vae_pipelines.service.errors import TooLargeError
from anomaly_vae_pipelines.service.models.inputs import ModelInputs
from anomaly_vae_pipelines.service.models.registry import ServedModel

HEADER_LENGTH = "inference-header-content-length"
"""Header with the number of bytes of JSON in a body; binary tensors follow them."""

IMAGE = "image"
"""Name of the tensor of images."""

_DTYPES: dict[str, str] = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "i1",
    "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
DATATYPES = ("BYTES", *_DTYPES)
"""Datatypes of input tensors."""

_BY_KIND = {"numeric": "FP64", "boolean": "BOOL"}
_MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class Tensor:
    """One tensor of a request: texts for the datatype BYTES, otherwise numbers or booleans."""

    name: str
    datatype: str
    values: NDArray[Any] | list[str | None]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class InferRequest:
    """A request to infer: its id, its tensors, and the requested outputs, each with whether it is binary."""

    id: str | UnsetType
    tensors: tuple[Tensor, ...]
    outputs: Mapping[str, bool]


OUTPUTS: dict[str, str] = {
    "score": "FP64", "p_value": "FP64", "severity": "FP64", "is_anomaly": "BOOL", "threshold": "FP64",
}  # fmt: skip
"""Outputs of a model with their datatypes, each of shape (n_rows,)."""


def input_tensors(inputs: ModelInputs) -> list[TensorMetadata]:
    """The inputs of a model."""
    if inputs.frame is not None:
        channels = [3] if inputs.frame.channels == 3 else []
        return [TensorMetadata(IMAGE, "UINT8", [-1, *(inputs.frame.size or (-1, -1)), *channels])]
    return [TensorMetadata(name, _BY_KIND.get(kind, "BYTES"), [-1]) for name, kind in inputs.kinds.items()]


def output_tensors() -> list[TensorMetadata]:
    """The outputs of every model."""
    return [TensorMetadata(name, datatype, [-1]) for name, datatype in OUTPUTS.items()]


def parse_request(body: bytes, header_length: str | None, max_values: int) -> InferRequest:
    """A request to infer; raises InputError for anything else, TooLargeError for too many values."""
    text, tail = _json_and_tail(body, header_length)
    content = parse_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), list) or not content["inputs"]:
        raise InputError('wanted {"inputs": [{"name", "shape", "datatype", "data"}, ...]}')
    tensors, position = [], 0
    for number, given in enumerate(content["inputs"]):
        tensor, n_bytes = _tensor(given, number, tail[position:], max_values)
        tensors.append(tensor)
        position += n_bytes
    if position != len(tail):
        raise InputError(f"{len(tail) - position:,} bytes follow the last binary tensor; wanted none")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise InputError("two inputs have the same name; names must be unique")
    given_id = content.get("id")
    return InferRequest(UNSET if given_id is None else str(given_id), tuple(tensors), _outputs(content))


def rows_of_tensors(request: InferRequest, inputs: ModelInputs, max_rows: int) -> Rows:
    """The rows of a request; raises InputError, RefusedRowsError, TooLargeError."""
    first = request.tensors[0]
    if inputs.frame is not None:
        if len(request.tensors) > 1 or first.datatype == "BYTES" or len(first.shape) not in (3, 4):
            raise InputError(f"wanted one tensor {IMAGE!r} of numbers, of shape (n, height, width[, 3])")
        return rows_of_arrays(_pixels(first), inputs, max_rows)
    if len(request.tensors) == 1 and len(first.shape) == 2 and first.name not in inputs.kinds:
        return rows_of_table(_matrix(first, inputs), inputs, max_rows)
    return rows_of_table(_columns(request.tensors, inputs, max_rows), inputs, max_rows)


def infer_answer(
    request: InferRequest, served: ServedModel, scored: ScoredRows
) -> tuple[bytes, dict[str, str]]:
    """The body of an answer, and its headers."""
    values = result_columns(served, scored)
    outputs, tail = [], b""
    for output, is_binary in request.outputs.items():
        tensor = OutputTensor(output, OUTPUTS[output], [len(scored)])
        if is_binary:
            data = values[output].astype(_DTYPES[OUTPUTS[output]]).tobytes()
            tensor.parameters = {"binary_data_size": len(data)}
            tail += data
        else:
            tensor.data = values[output].tolist()
        outputs.append(tensor)
    head = msgspec.json.encode(InferAnswer(served.name, served.version, outputs, request.id))
    if not tail:
        return head, {"content-type": "application/json"}
    headers = {"content-type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
    return head + tail, headers


def _json_and_tail(body: bytes, header_length: str | None) -> tuple[bytes, memoryview]:
    """The JSON of a body, and the binary tensors after it."""
    if header_length is None:
        return body, memoryview(b"")
    if not header_length.isdecimal() or int(header_length) > len(body):
        wanted = f"wanted the bytes of JSON, at most {len(body):,}"
        raise InputError(f"{HEADER_LENGTH}: {wanted}, got {header_length[:40]!r}")
    return body[: int(header_length)], memoryview(body)[int(header_length) :]


def _tensor(given: Any, number: int, tail: memoryview, max_values: int) -> tuple[Tensor, int]:
    """One tensor of a request, and the number of its bytes after the JSON."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise InputError(f"inputs[{number}]: wanted an object with name, shape, datatype and data")
    name, datatype = given["name"], given.get("datatype")
    where = f"input {name[:100]!r}"
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise InputError(f"{where}: wanted a datatype of {', '.join(DATATYPES)}, got {str(datatype)[:40]!r}")
    shape = _shape(given.get("shape"), where)
    if prod(shape) > max_values:
        raise TooLargeError(f"{where}: has {prod(shape):,} values, more than a request may have")
    parameters = given.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return Tensor(name, datatype, _json_values(given.get("data"), datatype, shape, where), shape), 0
    if type(size) is not int or not 0 <= size <= len(tail):
        raise InputError(f"{where}: wanted binary_data_size of at most the {len(tail):,} bytes that are left")
    return Tensor(name, datatype, _binary_values(tail[:size], datatype, shape, where), shape), size


def _shape(given: Any, where: str) -> tuple[int, ...]:
    is_shape = isinstance(given, list) and 0 < len(given) <= _MOST_DIMENSIONS
    if not is_shape or not all(type(size) is int and size >= 0 for size in given):
        raise InputError(f"{where}: wanted a shape of 1 to {_MOST_DIMENSIONS} whole numbers")
    return tuple(given)


def _json_values(data: Any, datatype: str, shape: tuple[int, ...], where: str) -> Any:
    """The values of a tensor in JSON, a flat list or nested like the shape."""
    if not isinstance(data, list):
        raise InputError(f"{where}: wanted a list as data")
    sizes = [len(data)]
    while data and isinstance(data[0], list) and len(sizes) <= len(shape):
        if not all(isinstance(part, list) and len(part) == len(data[0]) for part in data):
            raise InputError(f"{where}: data is nested unevenly")
        sizes.append(len(data[0]))
        data = [value for part in data for value in part]
    if len(sizes) > 1 and tuple(sizes) != shape:
        raise InputError(f"{where}: data is nested as {sizes}, and the shape is {list(shape)}")
    _check_size(len(data), shape, where)
    kinds = set(map(type, data))
    if datatype == "BYTES":
        _check_kinds(kinds, {str, type(None)}, "text", where)
        return data
    if datatype == "BOOL":
        _check_kinds(kinds, {bool}, "true or false", where)
        return np.array(data, dtype=bool)
    is_float = datatype.startswith("FP")
    _check_kinds(kinds, {int, float, type(None)} if is_float else {int}, "numbers", where)
    try:
        return np.array(data, dtype=np.float64) if is_float else np.array(data, dtype=_DTYPES[datatype])
    except OverflowError:
        raise InputError(f"{where}: holds numbers out of the range of {datatype}") from None


def _check_kinds(kinds: set[type], wanted: set[type], called: str, where: str) -> None:
    if not kinds <= wanted:
        unexpected = next(iter(kinds - wanted)).__name__
        raise InputError(f"{where}: wanted {called}, got a value of type {unexpected}")


def _check_size(n_values: int, shape: tuple[int, ...], where: str) -> None:
    if n_values != prod(shape):
        raise InputError(f"{where}: shape {list(shape)} has {prod(shape):,} values, got {n_values:,}")


def _binary_values(data: memoryview, datatype: str, shape: tuple[int, ...], where: str) -> Any:
    if datatype == "BYTES":
        texts = _texts(data, where)
        _check_size(len(texts), shape, where)
        return texts
    dtype = np.dtype(_DTYPES[datatype])
    n_bytes = prod(shape) * dtype.itemsize
    if len(data) != n_bytes:
        problem = f"shape {list(shape)} of {datatype} has {n_bytes:,} bytes, got {len(data):,}"
        raise InputError(f"{where}: {problem}")
    return np.frombuffer(data, dtype=np.uint8 if datatype == "BOOL" else dtype)


def _texts(data: memoryview, where: str) -> list[str | None]:
    """Texts, each after its length in four bytes."""
    texts: list[str | None] = []
    position = 0
    try:
        while position < len(data):
            (size,) = struct.unpack_from("<I", data, position)
            if position + 4 + size > len(data):
                raise InputError(f"{where}: a text is cut short")
            texts.append(bytes(data[position + 4 : position + 4 + size]).decode("utf-8"))
            position += 4 + size
    except (struct.error, UnicodeDecodeError) as error:
        raise InputError(f"{where}: wanted UTF-8 texts, each after its length ({error})") from error
    return texts


def _outputs(content: Mapping[str, Any]) -> dict[str, bool]:
    """The requested outputs, by default all, and whether each should be binary."""
    by_default = _flag(content.get("parameters"), "binary_data_output", default=False)
    wanted = content.get("outputs")
    if wanted is None or wanted == []:
        return dict.fromkeys(OUTPUTS, by_default)
    if not isinstance(wanted, list):
        raise InputError("outputs: wanted a list of objects with a name")
    chosen = {}
    for output in wanted:
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or name not in OUTPUTS:
            raise InputError(f"outputs: wanted names of {', '.join(OUTPUTS)}, got {str(name)[:40]!r}")
        chosen[name] = _flag(output.get("parameters"), "binary_data", default=by_default)
    return chosen


def _flag(parameters: Any, name: str, *, default: bool) -> bool:
    return parameters.get(name, default) is True if isinstance(parameters, dict) else default


def _pixels(tensor: Tensor) -> NDArray[Any]:
    """Images in 0..255, as bytes or floats."""
    values = np.asarray(tensor.values).reshape(tensor.shape)
    if values.shape[-1] == 1 and values.ndim == 4:
        values = values[..., 0]
    if values.ndim == 4 and values.shape[-1] != 3:
        raise InputError(f"input {tensor.name!r}: wanted 1 or 3 channels at the end, got {values.shape[-1]}")
    if values.dtype == np.uint8:
        return values
    values = values.astype(np.float32)
    if not np.isfinite(values).all() or values.min(initial=0.0) < 0.0 or values.max(initial=0.0) > 255.0:
        raise InputError(f"input {tensor.name!r}: wanted values of 0 to 255")
    return values


def _matrix(tensor: Tensor, inputs: ModelInputs) -> pa.Table:
    names = inputs.required
    where, wanted = f"input {tensor.name!r}", f"[n, {len(names)}], the columns of the model"
    if tensor.datatype == "BYTES" or not inputs.numeric.issuperset(names):
        raise InputError(f"{where}: wanted one tensor per column: the model does not read only numbers")
    if tensor.shape[1] != len(names):
        raise InputError(f"{where}: wanted shape {wanted}, got {list(tensor.shape)}")
    values = np.asarray(tensor.values, dtype=np.float64).reshape(tensor.shape)
    return pa.table(dict(zip(names, values.T, strict=True)))


def _columns(tensors: Sequence[Tensor], inputs: ModelInputs, max_rows: int) -> pa.Table:
    inputs.require({tensor.name for tensor in tensors}, "inputs")
    unknown = [tensor.name for tensor in tensors if tensor.name not in inputs.kinds]
    if unknown:
        raise InputError(f"input {unknown[0][:100]!r} is not a column of the model; remove it")
    for tensor in tensors:
        if prod(tensor.shape[1:]) != 1:
            raise InputError(f"input {tensor.name!r}: wanted shape [n] or [n, 1], got {list(tensor.shape)}")
    n_rows = tensors[0].shape[0]
    check_count(n_rows, max_rows)
    for tensor in tensors:
        if tensor.shape[0] != n_rows:
            problem = f"has {tensor.shape[0]:,} rows, and {tensors[0].name!r} has {n_rows:,}"
            raise InputError(f"input {tensor.name!r} {problem}")
    return pa.table({tensor.name: _column(tensor) for tensor in tensors})


def _column(tensor: Tensor) -> pa.Array:
    if tensor.datatype == "BYTES":
        return pa.array(tensor.values, pa.string())
    values = np.asarray(tensor.values)
    return pa.array(values.astype(bool) if tensor.datatype == "BOOL" else values)

"""read_tree: the tree of nodes in schema.json to plain values, without skops and without building objects.

skops writes each object as a node: its kind, its type, its id and its children. The reader of skops builds
every object that a node names, and reuses a node if its id appears again. This reader builds only None,
booleans, numbers, texts, lists, tuples, dicts, slices, arrays, a few types and elementwise functions. An
object becomes a `Described`: the name of its class and its state, which ``anomaly_vae.model_file.rebuild``
checks. Ids are ignored, so the result is a tree of at most the size of the JSON.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly_vae.bounded_json import FREE_BYTES, read_json
from anomaly_vae.errors import ModelFileError
from anomaly_vae.model_file.archive import SCHEMA, Entries, check_array, missing

# The only protocol whose nodes are known here.
_PROTOCOL = 2
_MAX_DEPTH = 64
_MAX_NODES = 1_000_000
_MOST_INT = 2**63
# Nodes may share an array, which skops writes once. Every node counts, because each may be copied later.
_FREE_ARRAY_BYTES = 16 * 2**20

_SCALARS = frozenset(
    f"numpy.{name}"
    for name in (
        *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "str_", "datetime64", "timedelta64"),
    )
)
_TYPES: Mapping[str, type] = {
    **{f"builtins.{kind.__name__}": kind for kind in (bool, float, int, object, str)},
    **{name: getattr(np, name.removeprefix("numpy.")) for name in sorted(_SCALARS)},
    **{f"numpy.{name}": getattr(np, name) for name in ("floating", "integer", "number", "object_")},
}
# Since NumPy 2.2 the module of a function is the public one; before, it was the one of its definition.
FUNCTIONS: Mapping[str, np.ufunc] = {
    f"{module}.{name}": getattr(np, name)
    for module in ("numpy", "numpy._core._multiarray_umath")
    for name in (
        *("absolute", "arcsinh", "arctan", "cbrt", "ceil", "cos", "exp", "exp2", "expm1", "fabs", "floor"),
        *("log", "log10", "log1p", "log2", "negative", "reciprocal", "rint", "sign", "sin", "sqrt", "square"),
        *("tan", "tanh", "trunc"),
    )
}

Node = dict[str, Any]


@dataclass(frozen=True)
class Described:
    """An object as a file describes it; it is not built yet.

    Attributes
    ----------
    name : str
        Full name of its class, with the module.
    state : dict
        Its attributes by name: plain values, arrays and further descriptions.
    """

    name: str
    state: dict[str, Any]


def read_tree(members: Entries, classes: frozenset[str]) -> Any:
    """The root of the tree of a file, usually a `Described`.

    Parameters
    ----------
    members : dict
        Members of the file by name.
    classes : frozenset of str
        Names of classes that may be described.

    Raises
    ------
    ModelFileError
        If a node is not allowed in a model file; the message names the first one.
    """
    if SCHEMA not in members:
        raise missing(SCHEMA)
    size = sum(len(content) for content in members.values())
    root = read_json(members[SCHEMA], SCHEMA, FREE_BYTES + 2 * size)
    protocol = root.get("protocol") if isinstance(root, dict) else None
    if type(protocol) is not int or protocol != _PROTOCOL:
        raise ModelFileError(f"uses skops protocol {protocol!r:.50}; this version reads protocol {_PROTOCOL}")
    return _Reader(members, classes, size).value(root)


class _Reader:
    """One pass over the tree, from the root down."""

    def __init__(self, members: Entries, classes: frozenset[str], size: int) -> None:
        self._members, self._classes = members, classes
        self._depth = self._n_nodes = 0
        self._n_bytes_left = size + _FREE_ARRAY_BYTES
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}

    def value(self, node: object) -> Any:
        """The value of a node."""
        self._n_nodes += 1
        if self._n_nodes > _MAX_NODES or self._depth > _MAX_DEPTH:
            raise ModelFileError(f"has over {_MAX_NODES:,} nodes or is nested deeper than {_MAX_DEPTH}")
        if not isinstance(node, dict):
            raise _malformed("a node")
        loader = _field(node, "__loader__", str)
        name = f"{_field(node, '__module__', str)}.{_field(node, '__class__', str)}"
        if name.endswith((".RandomState", ".Generator")):
            raise ModelFileError("holds a random generator with a state; set random_state to an int or None")
        read, allowed = _NODES.get(loader, (None, frozenset()))
        if read is None or name not in (self._classes if loader == "ObjectNode" else allowed):
            raise ModelFileError(f"holds {name[:120]!r} as {loader[:40]!r}, which no model file may hold")
        self._depth += 1
        value = read(self, node, name)
        self._depth -= 1
        return value

    def list_(self, node: Node, name: str) -> list[Any]:
        """A list."""
        return [self.value(item) for item in _field(node, "content", list)]

    def dict_(self, node: Node, name: str) -> dict[Any, Any]:
        """A dict with keys that are texts or whole numbers, which JSON stores as texts."""
        content = _field(node, "content", dict)
        keys = _field(node, "key_types", dict)
        kinds = self.value(keys) if keys.get("__loader__") == "ListNode" else None
        if not isinstance(kinds, list) or len(kinds) != len(content):
            raise _malformed("the keys of a dict")
        return {_key(key, kind): self.value(content[key]) for key, kind in zip(content, kinds, strict=True)}

    def scalar(self, node: Node, name: str) -> Any:
        """None, a boolean, a number or a text."""
        content = _field(node, "content", str)
        if content.lstrip()[:1] in ("[", "{"):  # not parsed: it could take any memory
            raise _malformed("a plain value")
        try:
            value = json.loads(content)
        except ValueError as error:
            raise _malformed("a plain value") from error
        if isinstance(value, dict | list) or (isinstance(value, int) and abs(value) > _MOST_INT):
            raise _malformed("a plain value")
        return value

    def slice_(self, node: Node, name: str) -> slice:
        """A slice of positions or column names."""
        content = _field(node, "content", dict)
        if sorted(content) != ["start", "step", "stop"]:
            raise _malformed("a slice")
        if not all(isinstance(bound, int | str | None) for bound in content.values()):
            raise _malformed("a slice")
        return slice(content["start"], content["stop"], content["step"])

    def dtype(self, node: Node, name: str) -> np.dtype[Any]:
        """The dtype of an empty array."""
        empty = self.value(_field(node, "content", dict))
        if not isinstance(empty, np.ndarray):
            raise _malformed("a dtype")
        return np.dtype(empty.dtype)

    def array(self, node: Node, name: str) -> Any:
        """An array in its own member, or an array of objects as a list of plain values and arrays."""
        if node.get("type") == "numpy":
            values = self._member(_field(node, "file", str))
            return values if name == "numpy.ndarray" else _scalar_of(values, name)
        if node.get("type") == "json" and name == "numpy.ndarray":
            return self._objects(node)
        raise _malformed("an array")

    def object_(self, node: Node, name: str) -> Described:
        """An object, described by its attributes."""
        state = self.value(_field(node, "content", dict))
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise _malformed(f"the state of {name}")
        return Described(name, state)

    def _objects(self, node: Node) -> np.ndarray[Any, Any]:
        """An array of objects, each of which must be a plain value or an array of values."""
        items, shape = self.list_(node, "builtins.list"), self.value(node.get("shape"))
        if not isinstance(shape, tuple) or len(shape) != 1 or shape[0] != len(items):
            raise _malformed("the shape of an array of objects")
        values = np.empty(len(items), dtype=object)
        for position, item in enumerate(items):
            if not isinstance(item, bool | int | float | str | np.generic | np.ndarray | None):
                raise _malformed("an item of an array of objects")
            values[position] = item
        return values

    def _member(self, file: str) -> np.ndarray[Any, Any]:
        """The array of a member, read once even if many nodes name it."""
        if file not in self._members:
            raise ModelFileError(f"array {file[:80]!r} is missing")
        self._n_bytes_left -= len(self._members[file])
        if self._n_bytes_left < 0:
            raise ModelFileError("its arrays belong to more nodes than a fitted model has")
        if file not in self._arrays:
            check_array(file, self._members[file])
            self._arrays[file] = np.load(io.BytesIO(self._members[file]), allow_pickle=False)
        return self._arrays[file]


# How each kind of node is read, and the types that it may name; objects may be of the classes that read_tree
# is given.
_NODES: Mapping[str, tuple[Callable[[_Reader, Node, str], Any], frozenset[str]]] = {
    "DTypeNode": (_Reader.dtype, frozenset({"numpy.dtype"})),
    "DictNode": (_Reader.dict_, frozenset({"builtins.dict"})),
    "FunctionNode": (lambda reader, node, name: FUNCTIONS[name], frozenset(FUNCTIONS)),
    "JsonNode": (_Reader.scalar, frozenset({"builtins.str"})),
    "ListNode": (_Reader.list_, frozenset({"builtins.list"})),
    "NdArrayNode": (_Reader.array, _SCALARS | {"numpy.ndarray"}),
    "ObjectNode": (_Reader.object_, frozenset()),
    "SliceNode": (_Reader.slice_, frozenset({"builtins.slice"})),
    "TupleNode": (lambda reader, node, name: tuple(reader.list_(node, name)), frozenset({"builtins.tuple"})),
    "TypeNode": (lambda reader, node, name: _TYPES[name], frozenset(_TYPES)),
}


def _field(node: Node, key: str, kind: type) -> Any:
    """A field of a node; raises ModelFileError if it is missing or has another type."""
    value = node.get(key)
    if type(value) is not kind:
        raise _malformed(f"field {key}")
    return value


def _key(key: str, kind: object) -> str | int:
    """The key of a dict, which JSON stores as a text."""
    if kind in (str, np.str_):
        return key
    if kind in (int, np.int64) and key.removeprefix("-").isdecimal() and len(key) < 20:
        return int(key)
    raise _malformed("the keys of a dict")


def _scalar_of(values: np.ndarray[Any, Any], name: str) -> Any:
    """A NumPy scalar from an array; raises ModelFileError if it is not a single value of that type."""
    if values.shape != () or not issubclass(values.dtype.type, _TYPES[name]):
        raise ModelFileError(f"an array of shape {values.shape} is not a single {name}")
    return values[()]


def _malformed(what: str) -> ModelFileError:
    """The error for JSON that skops cannot have written."""
    return ModelFileError(f"{SCHEMA} is malformed: {what} is not valid")

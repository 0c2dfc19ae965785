"""What a model file may hold, checked on its plain JSON before skops builds anything.

skops trusts by default more than a detector needs, and some of it runs: a node may call an operator, bind a
method, call a class with the file's own arguments, choose an older and laxer reader by naming an older
protocol, or alias another node by its id. So the list here is fixed, narrower, and each kind of node has its
own: plain containers and values, arrays, a few types and elementwise functions, scikit-learn's transformers
whose fitted state is plain arrays, and the detectors of this package. Left out on purpose: estimators that
hand a file's numbers to compiled code as indices (trees, neighbours, SVMs), text readers that open files,
and sparse matrices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from anomaly_vae._archive import SCHEMA, Members, check_array, missing
from anomaly_vae.errors import ModelFileError

DETECTORS = frozenset(
    {
        "anomaly_vae.detectors.image.ImageVAEDetector",
        "anomaly_vae.detectors.tabular.TabularVAEDetector",
    }
)

# The one protocol whose nodes were read and judged; an older one would choose laxer readers.
_PROTOCOL = 2
_MAX_DEPTH = 64
_MAX_NODES = 1_000_000

_SCALARS = frozenset(
    f"numpy.{name}"
    for name in (
        *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "str_", "datetime64", "timedelta64"),
    )
)
_TYPES = _SCALARS | {
    *("builtins.bool", "builtins.float", "builtins.int", "builtins.object", "builtins.str"),
    *("numpy.floating", "numpy.integer", "numpy.number", "numpy.object_"),
}
# numpy says of its functions where they are since 2.2; before, they are found where they are made.
_FUNCTIONS = frozenset(
    f"{module}.{name}"
    for module in ("numpy", "numpy._core._multiarray_umath")
    for name in (
        *("absolute", "arcsinh", "arctan", "cbrt", "ceil", "cos", "exp", "exp2", "expm1", "fabs", "floor"),
        *("log", "log10", "log1p", "log2", "negative", "reciprocal", "rint", "sign", "sin", "sqrt", "square"),
        *("tan", "tanh", "trunc"),
    )
)
_SKLEARN = frozenset(
    {
        "sklearn.compose._column_transformer.ColumnTransformer",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.decomposition._factor_analysis.FactorAnalysis",
        "sklearn.decomposition._fastica.FastICA",
        "sklearn.decomposition._incremental_pca.IncrementalPCA",
        "sklearn.decomposition._pca.PCA",
        "sklearn.decomposition._truncated_svd.TruncatedSVD",
        "sklearn.feature_selection._variance_threshold.VarianceThreshold",
        "sklearn.impute._base.MissingIndicator",
        "sklearn.impute._base.SimpleImputer",
        "sklearn.impute._knn.KNNImputer",
        "sklearn.kernel_approximation.Nystroem",
        "sklearn.kernel_approximation.RBFSampler",
        "sklearn.pipeline.FeatureUnion",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.Binarizer",
        "sklearn.preprocessing._data.MaxAbsScaler",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.Normalizer",
        "sklearn.preprocessing._data.PowerTransformer",
        "sklearn.preprocessing._data.QuantileTransformer",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._discretization.KBinsDiscretizer",
        "sklearn.preprocessing._encoders.OneHotEncoder",
        "sklearn.preprocessing._encoders.OrdinalEncoder",
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "sklearn.preprocessing._polynomial.PolynomialFeatures",
        "sklearn.random_projection.GaussianRandomProjection",
    }
)

# For each kind of node the types that it may name.
_ALLOWED: Mapping[str, frozenset[str]] = {
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset({"builtins.dict"}),
    "FunctionNode": _FUNCTIONS,
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "NdArrayNode": _SCALARS | {"numpy.ndarray"},
    "ObjectNode": DETECTORS | _SKLEARN,
    "SliceNode": frozenset({"builtins.slice"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": _TYPES,
}

# What skops is told to trust: this list, never one that a file brings.
TRUSTED = sorted(frozenset[str]().union(*_ALLOWED.values()))

Node = dict[str, Any]


def audit(members: Members) -> frozenset[str]:
    """Types that a file would build, each of them on the fixed list.

    Raises
    ------
    ModelFileError
        Naming the first thing that no model file may hold.
    """
    if SCHEMA not in members:
        raise missing(SCHEMA)
    try:
        root = json.loads(members[SCHEMA])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{SCHEMA} is no JSON: {error}") from error
    protocol = root.get("protocol") if isinstance(root, dict) else None
    if type(protocol) is not int or protocol != _PROTOCOL:
        raise ModelFileError(f"written in skops protocol {protocol!r}; this anomaly-vae reads {_PROTOCOL}")
    walk = _Walk(members)
    walk.visit(root)
    return frozenset(walk.types)


class _Walk:
    """One pass over the tree of nodes, from the root down."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.types: set[str] = set()
        self._kinds: dict[int, tuple[str, str]] = {}
        self._open: list[int] = []
        self._owners: dict[str, int] = {}
        self._n_nodes = 0

    def visit(self, node: object) -> None:
        """Refuse the node, or what hangs below it, if it is not on the list."""
        self._n_nodes += 1
        if self._n_nodes > _MAX_NODES or len(self._open) > _MAX_DEPTH:
            raise ModelFileError(f"has over {_MAX_NODES:,} nodes or is nested deeper than {_MAX_DEPTH}")
        if not isinstance(node, dict):
            raise _malformed("a node")
        loader, name, identity = _head(node)
        self._check_identity(identity, (loader, name))
        self.types.add(name)
        self._open.append(identity)
        _RULES[loader](self, node, name)
        self._open.pop()

    def _check_identity(self, identity: int, kind: tuple[str, str]) -> None:
        """Refuse an id that stands for two kinds of node or for a node inside itself.

        skops reads a node once and puts it wherever its id comes again.
        """
        if identity in self._open or self._kinds.setdefault(identity, kind) != kind:
            raise ModelFileError(f"node {identity} stands for two things")

    def values(self, node: Node, name: str) -> None:
        """A list or tuple: its items."""
        for item in _field(node, "content", list):
            self.visit(item)

    def mapping(self, node: Node, name: str) -> None:
        """A dict: the types of its keys, which are called with each key, and its values."""
        content = _field(node, "content", dict)
        keys = _field(node, "key_types", dict)
        self.visit(keys)
        if keys["__loader__"] != "ListNode" or len(keys["content"]) != len(content):
            raise _malformed("the keys of a dict")
        if any(key["__loader__"] != "TypeNode" for key in keys["content"]):
            raise _malformed("the keys of a dict")
        for value in content.values():
            self.visit(value)

    def value(self, node: Node, name: str) -> None:
        """A number, string, truth value or None."""
        if isinstance(json.loads(_field(node, "content", str)), dict | list):
            raise _malformed("a plain value")

    def span(self, node: Node, name: str) -> None:
        """A slice of positions or column names."""
        content = _field(node, "content", dict)
        if sorted(content) != ["start", "step", "stop"]:
            raise _malformed("a slice")
        if not all(isinstance(bound, int | str | None) for bound in content.values()):
            raise _malformed("a slice")

    def nothing(self, node: Node, name: str) -> None:
        """A type or function: its name has been checked already, and there is no more to it."""

    def dtype(self, node: Node, name: str) -> None:
        """A dtype: an empty array that has it."""
        content = _field(node, "content", dict)
        self.visit(content)
        if content["__loader__"] != "NdArrayNode":
            raise _malformed("a dtype")

    def array(self, node: Node, name: str) -> None:
        """An array in a member of its own, or a list of objects with a shape."""
        if node.get("type") == "numpy":
            self._check_file(node, name)
        elif node.get("type") == "json" and name == "numpy.ndarray":
            self.visit(node.get("shape"))
            self.values(node, name)
        else:
            raise _malformed("an array")

    def _check_file(self, node: Node, name: str) -> None:
        """Refuse a member that is missing, damaged, or read by two nodes: each would hold a copy of it."""
        file = _field(node, "file", str)
        if file not in self.members:
            raise ModelFileError(f"array {file[:80]!r} is missing")
        if self._owners.setdefault(file, node["__id__"]) != node["__id__"]:
            raise ModelFileError(f"array {file} belongs to two nodes")
        shape = check_array(file, self.members[file])
        if name != "numpy.ndarray" and shape != ():
            raise ModelFileError(f"array {file} has shape {shape}; a single {name} was wanted")

    def instance(self, node: Node, name: str) -> None:
        """An object: its attributes by name, none of which stands in front of what its class defines."""
        state = _field(node, "content", dict)
        self.visit(state)
        if state["__loader__"] != "DictNode":
            raise _malformed(f"the state of {name}")
        _check_attributes(name, state["content"])


_RULES: Mapping[str, Callable[[_Walk, Node, str], None]] = {
    "DTypeNode": _Walk.dtype,
    "DictNode": _Walk.mapping,
    "FunctionNode": _Walk.nothing,
    "JsonNode": _Walk.value,
    "ListNode": _Walk.values,
    "NdArrayNode": _Walk.array,
    "ObjectNode": _Walk.instance,
    "SliceNode": _Walk.span,
    "TupleNode": _Walk.values,
    "TypeNode": _Walk.nothing,
}


def _head(node: Node) -> tuple[str, str, int]:
    """Kind of a node, the type that it names and its id, if all three may be."""
    loader, identity = _field(node, "__loader__", str), _field(node, "__id__", int)
    name = f"{_field(node, '__module__', str)}.{_field(node, '__class__', str)}"
    if name.endswith(".RandomState") or name.endswith(".Generator"):
        raise ModelFileError("holds a random generator with a state; set random_state to an int or None")
    if name not in _ALLOWED.get(loader, ()):
        raise ModelFileError(f"holds {name[:120]!r} as {loader[:40]!r}, which no model file may hold")
    if identity <= 0:
        raise _malformed("a node's id")
    return loader, name, identity


def _field(node: Node, key: str, kind: type) -> Any:
    """A field of a node, if it is of that type."""
    value = node.get(key)
    if type(value) is not kind:
        raise _malformed(f"field {key}")
    return value


def _check_attributes(name: str, content: Mapping[str, Any]) -> None:
    """Refuse attributes in front of a method, and a cache, from which the next fit would read pickles."""
    module, _, class_name = name.rpartition(".")
    owner = getattr(import_module(module), class_name)
    for key, value in content.items():
        if hasattr(owner, key):
            raise ModelFileError(f"holds an attribute {key[:80]!r} that would replace a part of {class_name}")
        if key == "memory" and value.get("content") != "null":
            raise ModelFileError(f"holds {class_name}(memory=...), a cache of pickles; set memory=None")


def _malformed(what: str) -> ModelFileError:
    """The refusal of JSON that skops would not have written."""
    return ModelFileError(f"{SCHEMA} is malformed: {what} is not as it should be")

"""Forged states: one attribute of an object changed for another of its type that contradicts the others."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import numpy as np

from tests.anomaly_vae import forging
from tests.anomaly_vae.forging import Node, node, npy, sequence, value
from tests.forgeries import arrays, nasty
from tests.forgeries.models import Sample
from tests.forgeries.trees import Tree

# Texts that some parameter of some transformer takes.
_CHOICES = [
    "auto", "concat", "constant", "cubic", "cosine", "default", "deprecated", "drop", "error", "first",
    "features", "if_binary", "ignore", "infrequent_if_exist", "l1", "l2", "max", "mean", "median",
    "missing-only", "all", "most_frequent", "nan_euclidean", "normal", "uniform", "onehot", "onehot-dense",
    "ordinal", "pandas", "passthrough", "poly", "polars", "polynomial", "quantile", "rbf", "sigmoid",
    "linear", "chi2", "additive_chi2", "laplacian", "precomputed", "distance", "use_encoded_value", "warn",
    "yeo-johnson", "box-cox", "cube", "logcosh", "exp", "parallel", "deflation", "arpack", "randomized",
    "unit-variance", "callable", "one-to-one", "F", "C",
]  # fmt: skip
_DTYPES = (
    "float32",
    "float64",
    "float16",
    "int8",
    "int64",
    "uint8",
    "bool_",
    "object_",
    "str_",
    "datetime64",
)
_FUNCTIONS = ("log", "log1p", "reciprocal", "sqrt", "exp", "square", "tan", "rint")
# Attributes that some object has, and that another one may be given.
_EXTRA: dict[str, Any] = {
    "n_jobs": 6,
    "n_features_in_": 2**33,
    "_infrequent_enabled": True,
    "force_alpha": True,
    "copy": False,
    "missing_values": None,
    "unit_variance": True,
    "verbose": 10,
    "transform_input": ["x"],
    "_n_features_out": 10**9,
}


def states(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """A file with one attribute, or two, of one of its objects forged."""
    tree = Tree(sample)
    found = tree.instances()
    before = [instance for instance in found if "detectors" not in instance["__module__"]]
    instance = random.choice(before if before and random.random() < 0.8 else found)
    for _ in range(random.choice((1, 1, 1, 2))):
        _forge_attribute(random, tree, instance)
    return tree.sealed(random)


def _forge_attribute(random: Random, tree: Tree, instance: Node) -> None:
    state = instance["content"]["content"]
    kind = random.random()
    if kind < 0.06 or not state:
        name = random.choice(sorted(_EXTRA))
        state.setdefault(name, value(_EXTRA[name]))
        _match_keys(instance["content"])
    elif kind < 0.1:
        state.pop(random.choice(sorted(state)))
        _match_keys(instance["content"])
    else:
        name = random.choice(sorted(state))
        state[name] = forged(random, tree, state[name])


def forged(random: Random, tree: Tree, found: Node) -> Node:
    """A node of the same type with something else in it; or, now and then, of the type that None has."""
    if random.random() < 0.05:
        return value(None)
    change = _CHANGES.get(found["__loader__"])
    return change(random, tree, copy.deepcopy(found)) if change else found


def _plain(random: Random, tree: Tree, found: Node) -> Node:
    held = json.loads(found["content"])
    if isinstance(held, str) and not held.startswith("[") and random.random() < 0.7:
        return value(random.choice(_CHOICES))
    if held is None:
        return value(random.choice([*_CHOICES, *nasty.INTEGERS, *nasty.FLOATS, True]))
    return value(nasty.changed(random, held))


def _list(random: Random, tree: Tree, found: Node) -> Node:
    """A list: longer, shorter, in another order, or with one item forged."""
    items = found["content"]
    kind = random.randrange(8)
    if not items or kind == 0:
        found["content"] = [*items, value(0)]
    elif kind <= 3:
        found["content"] = random.choice((items[:-1], items[::-1], items + items[:1], []))
    else:
        place = random.randrange(len(items))
        items[place] = forged(random, tree, items[place])
    return found


def _dict(random: Random, tree: Tree, found: Node) -> Node:
    content = found["content"]
    if not content or random.random() < 0.1:
        content["transform"] = value("pandas")
    elif random.random() < 0.15:
        del content[random.choice(sorted(content))]
    else:
        key = random.choice(sorted(content))
        content[key] = forged(random, tree, content[key])
    _match_keys(found)
    return found


def _array(random: Random, tree: Tree, found: Node) -> Node:
    """An array in its member, or a list of objects with a shape, which may hold any node."""
    if found.get("type") != "numpy":
        return _objects(random, tree, found)
    array = arrays.loaded(tree.members[found["file"]])
    if random.random() < 0.12:
        return _as_objects(array)
    changed = (
        _indices(random, array)
        if array.dtype.kind in "iu" and random.random() < 0.7
        else arrays.forged(random, array)
    )
    tree.members[found["file"]] = npy(changed)
    return found


def _objects(random: Random, tree: Tree, found: Node) -> Node:
    if random.random() < 0.3:
        found["shape"] = shape(
            *random.choice(((0,), (1,), (-1,), (2**33,), (1, -1), (), (len(found["content"]), 1)))
        )
        return found
    return _list(random, tree, found)


def _indices(random: Random, array: Any) -> Any:
    """Whole numbers of which one lies outside of whatever it counts."""
    array = np.array(array, dtype=np.int64)
    if array.size:
        array.reshape(-1)[random.randrange(array.size)] = random.choice(
            (-1, 2, 5, 10**6, 2**31, 2**33, -(2**33), 2**62)
        )
    return array


def _as_objects(array: Any) -> Node:
    """The same values as an array of objects, the last one of them an odd one."""
    items = [
        value(item)
        for item in np.asarray(array).reshape(-1)[:20].tolist()
        if not isinstance(item, bytes | complex)
    ]
    odd = [value(None), value("x"), sequence(), value(2**70)]
    return objects([*items[:-1], *odd[: 1 + len(items) % 4]])


def objects(items: list[Node]) -> Node:
    """An array of objects."""
    return node("NdArrayNode", "numpy.ndarray", type="json", content=items, shape=shape(len(items)))


def shape(*sides: int) -> Node:
    """The shape of an array of objects."""
    return forging.arguments(*(value(side) for side in sides))


def _type(random: Random, tree: Tree, found: Node) -> Node:
    return node("TypeNode", f"numpy.{random.choice(_DTYPES)}")


def _function(random: Random, tree: Tree, found: Node) -> Node:
    return node("FunctionNode", f"numpy.{random.choice(_FUNCTIONS)}")


def _slice(random: Random, tree: Tree, found: Node) -> Node:
    bounds = (None, -1, 0, 1, 5, 2**33, -(2**33), "length", "nowhere")
    found["content"][random.choice(("start", "stop", "step"))] = random.choice(bounds)
    return found


def _instance(random: Random, tree: Tree, found: Node) -> Node:
    """An object replaced: by a plain value, an empty shell, another class with its state; or forged."""
    kind = random.randrange(6)
    if kind == 0:
        return value(random.choice((3, "passthrough", "drop", None, "x", 1.5)))
    if kind == 1:
        return node("ObjectNode", f"{found['__module__']}.{found['__class__']}", content=forging.mapping())
    if kind == 2:
        other = random.choice(tree.instances())
        return found | {"__class__": other["__class__"], "__module__": other["__module__"]}
    _forge_attribute(random, tree, found)
    return found


def _match_keys(found: Node) -> None:
    """As many types of keys as there are keys."""
    found["key_types"]["content"] = [node("TypeNode", "builtins.str") for _ in found["content"]]


_CHANGES = {
    "DTypeNode": lambda random, tree, found: node(
        "DTypeNode", "numpy.dtype", content=_array(random, tree, found["content"])
    ),
    "DictNode": _dict,
    "FunctionNode": _function,
    "JsonNode": _plain,
    "ListNode": _list,
    "NdArrayNode": _array,
    "ObjectNode": _instance,
    "SliceNode": _slice,
    "TupleNode": _list,
    "TypeNode": _type,
}

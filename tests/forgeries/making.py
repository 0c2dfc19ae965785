"""Tools for forgeries made by hand: a registry of them, and access to the parts of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.anomaly_vae.forging import Node, attributes, mapping, node, npy, value
from tests.forgeries.arrays import loaded
from tests.forgeries.models import KINDS, Sample, samples
from tests.forgeries.trees import Tree

# What a forgery changes in a tree, or the whole file that it gives.
Change = Callable[[Tree], bytes | None]

_FORGERIES: dict[str, tuple[str, Change, str]] = {}


REFUSED: set[str] = set()
"""Forgeries that `load` has to refuse: their scores are finite, and mean nothing."""


def forgery(name: str, sample: str, *, refused: bool = False) -> Callable[[Change], Change]:
    """Register a forgery of a sample, without its self-test.

    Its file must be rejected or do no harm; with ``refused=True`` it must be rejected.
    """

    def register(change: Change) -> Change:
        def made(tree: Tree) -> bytes | None:
            tree.metadata.pop("self_test", None)
            return change(tree)

        assert name not in _FORGERIES
        if refused:
            REFUSED.add(name)
        _FORGERIES[name] = sample, made, change.__module__
        return change

    return register


def made(name: str) -> tuple[bytes, Any]:
    """The file of a forgery, and rows to score with it."""
    wanted, change, _ = _FORGERIES[name]
    sample = _sample(wanted)
    tree = Tree(sample)
    return change(tree) or tree.sealed(), sample.rows


def names(module: str = "") -> list[str]:
    """Names of all forgeries, or of those that a module has registered."""
    return [name for name, (_, _, owner) in _FORGERIES.items() if owner.startswith(module)]


def _sample(name: str) -> Sample:
    kind = name.removeprefix("old ")
    return next(sample for sample in samples(kind if kind in KINDS else "chain") if sample.name == name)


def step(tree: Tree, *path: int) -> dict[str, Node]:
    """Attributes of a step by position, the first one by default."""
    return attributes(tree.root, *(path or (0,)))


def last(tree: Tree) -> dict[str, Node]:
    """Attributes of the detector that a file ends in."""
    if "steps" in attributes(tree.root):
        return attributes(tree.root, -1)
    return attributes(tree.root)


def model(tree: Tree) -> dict[str, Node]:
    """The detector's `model_`."""
    content: dict[str, Node] = last(tree)["model_"]["content"]
    return content


def ensemble(tree: Tree) -> dict[str, Node]:
    """The first ensemble of a table's model, or the only one that earlier files have."""
    found = model(tree)
    node: dict[str, Node] = found["members"] if "members" in found else found["ensembles"]["content"][0]
    return node


def member(tree: Tree, position: int = -1) -> dict[str, Node]:
    """One member of the first ensemble."""
    content: dict[str, Node] = ensemble(tree)["content"][position]["content"]
    return content


def architecture(tree: Tree) -> dict[str, Node]:
    """The architecture of the last member."""
    content: dict[str, Node] = member(tree)["architecture"]["content"]
    return content


def array(tree: Tree, values: Any, name: str = "") -> Node:
    """A node of an array in a member of its own."""
    file = f"{900_000 + len(tree.members)}.npy"
    tree.members[file] = npy(np.asarray(values))
    return node("NdArrayNode", "numpy.ndarray", type="numpy", file=file)


def array_of(tree: Tree, found: Node) -> NDArray[Any]:
    """The array of a node."""
    return loaded(tree.members[found["file"]])


def readers(tree: Tree, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the readers of a table's columns, which are JSON inside JSON."""
    encoder = model(tree)["encoder"]["content"]
    held = json.loads(json.loads(encoder["readers"]["content"]))
    encoder["readers"] = value(json.dumps(change(held) or held))


def instance(name: str, **state: Node) -> Node:
    """An object of a class of scikit-learn."""
    return node("ObjectNode", f"sklearn.{name}", content=mapping(**state))

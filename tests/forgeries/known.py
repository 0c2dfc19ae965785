"""Forgeries that broke a release."""

from __future__ import annotations

import json

import numpy as np

from tests.anomaly_vae.forging import Node, add, arguments, mapping, node, sequence, value, zipped
from tests.forgeries.making import Tree, architecture, array, forgery, last, step
from tests.forgeries.schemas import bomb
from tests.forgeries.states import objects

FAR = 2**33
"""An index far outside of any array here."""


def far_encoder(encoder: Node) -> None:
    """Let a fitted OneHotEncoder map its categories to a column far outside of its output."""
    state = encoder["content"]["content"]
    state["_infrequent_enabled"] = value(True)
    state["_default_to_infrequent_mappings"] = sequence(sequence(*[value(FAR)] * 6))
    state["_infrequent_indices"] = sequence(value(None))


@forgery("encoder in an object array", "columns", refused=True)
def _(tree: Tree) -> None:
    transformers = step(tree)["transformers_"]
    far_encoder(transformers["content"][1]["content"][1])
    step(tree)["transformers_"] = objects(transformers["content"])


@forgery("alias bomb", "numbers")
def _(tree: Tree) -> None:
    add(tree.root, "odd_", bomb(40, 8))


@forgery("alias bomb of tuples", "numbers")
def _(tree: Tree) -> None:
    inner = value(0)
    for _ in range(40):
        inner = arguments(
            inner, *[inner | {"content": []} if isinstance(inner["content"], list) else inner] * 7
        )
    last(tree)["training_"]["content"]["seconds"] = inner


@forgery("hidden sizes as int8", "numbers")
def _(tree: Tree) -> None:
    architecture(tree)["hidden_sizes"] = array(tree, np.ones(200_000, dtype=np.int8))


@forgery("hidden sizes as text", "numbers")
def _(tree: Tree) -> None:
    architecture(tree)["hidden_sizes"] = value("1" * 200_000)


@forgery("huge hidden sizes", "numbers")
def _(tree: Tree) -> None:
    architecture(tree)["hidden_sizes"] = arguments(*[value(2**30)] * 100)


@forgery("63 MB of empty lists", "numbers")
def _(tree: Tree) -> bytes:
    tree.root["junk"] = "@"
    schema = json.dumps(tree.root).replace('"@"', "[" + "[]," * 21 * 2**20 + "0]")
    return zipped(tree.members | {"schema.json": schema.encode()})


@forgery("step that is a number", "StandardScaler")
def _(tree: Tree) -> None:
    tree.root["content"]["content"]["steps"]["content"][0]["content"][1] = value(3)


@forgery("373 GiB of powers", "PolynomialFeatures")
def _(tree: Tree) -> None:
    step(tree)["_n_out_full"] = value(12_518_000_000)


@forgery("format text of width 2,000,000,000", "columns")
def _(tree: Tree) -> None:
    step(tree)["verbose_feature_names_out"] = value("{feature_name:>2000000000}")
    step(tree)["_sklearn_output_config"] = mapping(transform=value("pandas"))
    _match(tree)


@forgery("six jobs of columns", "ColumnTransformer of a list")
def _(tree: Tree) -> None:
    step(tree)["n_jobs"] = value(6)


@forgery("six jobs of a union", "FeatureUnion")
def _(tree: Tree) -> None:
    step(tree)["n_jobs"] = value(6)


@forgery("noise floor of NaN", "numbers", refused=True)
def _(tree: Tree) -> None:
    architecture(tree)["noise_floor"] = value(float("nan"))


def _match(tree: Tree) -> None:
    """As many types of keys as the first step has attributes."""
    state = tree.root["content"]["content"]["steps"]["content"][0]["content"][1]["content"]
    state["key_types"]["content"] = [node("TypeNode", "builtins.str") for _ in state["content"]]

"""Forged files: each runs code if it is loaded with trust, but is rejected here without running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import skops.io

from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal
from tests.anomaly_vae.forging import Node, arguments, attributes, mapping, node, sequence, value

SYSTEM = "posix.system"


def reduced(name: str, command: str) -> Node:
    return node("ConstructorFromReduceNode", name, content=arguments(value(command)))


def operator_call(command: str) -> Node:
    return node("OperatorFuncNode", "operator.call", attrs=arguments(function(), value(command)))


def loss(command: str) -> Node:
    reduce = {"args": arguments(value(command))}
    return node("LossNode", SYSTEM, __reduce__=reduce, content=mapping())


def function() -> Node:
    return node("FunctionNode", SYSTEM)


def keyed(command: str) -> Node:
    """A dict whose keys are made by calling a function with them."""
    return node(
        "DictNode",
        "builtins.dict",
        content={command: value(1)},
        key_types=sequence(node("TypeNode", SYSTEM)),
    )


def listed(command: str, loader: str) -> Node:
    return sequence(*(value(word) for word in command.split()), loader=loader, name="subprocess.call")


LIVE: dict[str, Callable[[str], Node]] = {
    "constructor": lambda command: reduced(SYSTEM, command),
    "operator": operator_call,
    "loss": loss,
    "dict keys": keyed,
    "list class": lambda command: listed(command, "ListNode"),
    "set class": lambda command: listed(command, "SetNode"),
}


class TestCodeInAFile:
    @pytest.mark.parametrize("where", ["attribute", "step", "root"])
    @pytest.mark.parametrize("kind", LIVE)
    def test_code_is_refused_and_not_run(self, kind: str, where: str, path: Path) -> None:
        """The same file runs its command for a reader that trusts what it asks to be trusted."""
        marker = path.with_name("ran")

        def change(root: Node, _: Any) -> None:
            evil = LIVE[kind](f"touch {marker}")
            if where == "attribute":
                forging.add(root, "odd_", evil)
            elif where == "step":
                forging.add(root["content"]["content"]["steps"]["content"][0]["content"][1], "odd_", evil)
            else:
                root.update(evil)

        model = forging.detector() if where == "attribute" else forging.scaled()
        forging.forge(path, model, change)
        assert "which no model file may hold" in refusal(path)
        assert not marker.exists()
        load_naively(path)
        assert marker.exists()

    @pytest.mark.parametrize(
        "evil",
        [
            function(),
            node("TypeNode", SYSTEM),
            node("ObjectNode", SYSTEM, content=mapping()),
            node("ObjectNode", "subprocess.Popen", content=mapping(args=value("true"))),
            node("ObjectNode", "sklearn.tree._classes.DecisionTreeClassifier", content=mapping()),
            node("ObjectNode", "sklearn.feature_extraction.text.CountVectorizer", content=mapping()),
            node("ObjectNode", "sklearn.svm._classes.OneClassSVM", content=mapping()),
            node("MethodNode", "builtins.str", content={"func": "format", "obj": value("{}")}),
            node("OperatorFuncNode", "operator.methodcaller", attrs=arguments(value("fit"))),
            node(
                "PartialNode",
                "functools.partial",
                content={
                    "func": function(),
                    "args": arguments(value("true")),
                    "kwds": mapping(),
                    "namespace": value(None),
                },
            ),
            node("TreeNode", "sklearn.tree._tree.Tree", __reduce__={"args": arguments()}, content=mapping()),
            node("RandomStateNode", "numpy.random.mtrand.RandomState", content=mapping()),
            node("DefaultDictNode", "collections.defaultdict", content={}),
            node("BytesNode", "builtins.bytes", file="schema.json"),
            node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix", type="scipy", file="schema.json"),
            node("CachedNode", "builtins.str"),
            node("NdArrayNode", "subprocess.call", type="numpy", file="schema.json"),
            node("TypeNode", "antigravity.fly"),
            node("NoSuchNode", "builtins.str"),
        ],
        ids=lambda evil: f"{evil['__loader__']} {evil['__class__']}",
    )
    def test_what_is_not_on_the_list_is_refused_by_name(self, evil: Node, path: Path) -> None:
        """Also types that skops would trust, and objects that run code only when called."""
        forging.forge(path, forging.detector(), lambda root, _: forging.add(root, "odd_", evil))
        assert evil["__class__"] in refusal(path) or "random_state" in refusal(path)

    @pytest.mark.parametrize("protocol", [0, 1, 3, -1, True, 2.0, "2", None])
    def test_only_the_protocol_that_was_judged_is_read(self, protocol: object, path: Path) -> None:
        """An older number would choose an older reader, whose function names are kept elsewhere."""
        forging.forge(path, forging.detector(), lambda root, _: root.update(protocol=protocol))
        assert "skops protocol" in refusal(path)

    def test_a_list_of_trusted_types_in_a_file_is_ignored(self, path: Path) -> None:
        """A file cannot declare its own types as trusted."""

        def change(root: Node, _: Any) -> None:
            root["trusted"] = [SYSTEM]
            forging.add(root, "odd_", node("TypeNode", SYSTEM))

        forging.forge(path, forging.detector(), change)
        assert SYSTEM in refusal(path)

    def test_a_method_cannot_be_replaced(self, path: Path) -> None:
        """An attribute of the name of a method, or of what a notebook shows, is refused."""
        for name in ("transform", "_repr_html_", "__class__", "_doc_link_template"):

            def change(root: Node, _: Any, name: str = name) -> None:
                step = root["content"]["content"]["steps"]["content"][0]["content"][1]
                forging.add(step, name, node("FunctionNode", "numpy.log1p"))

            forging.forge(path, forging.scaled(), change)
            assert "would replace a part of StandardScaler" in refusal(path)

    def test_a_cache_of_pickles_is_refused(self, path: Path) -> None:
        """A Pipeline with a memory would read pickles there the next time it is fitted."""
        forging.forge(path, forging.scaled(), lambda root, _: attributes(root).update(memory=value("cache")))
        assert "names a cache of pickles" in refusal(path)


def load_naively(path: Path) -> None:
    """Load a file with all types that it names as trusted."""
    content = forging.read(path)
    del content["metadata.json"]
    data = forging.zipped(content)
    try:
        skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    except Exception:
        return  # the command has run; that the object is of no use afterwards is not its maker's concern

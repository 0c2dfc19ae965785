"""The tree of a model file: which nodes it may have, and how much memory they may take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly_vae import load
from anomaly_vae.model_file import tree
from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal
from tests.anomaly_vae.forging import Node, arguments, attributes, mapping, node, sequence, value


class TestMalformed:
    @pytest.mark.parametrize(
        ("evil", "reason"),
        [
            (node("JsonNode", "builtins.str", content="[1]"), "a plain value"),
            (mapping(a=value(1)) | {"key_types": sequence(value(1))}, "the keys of a dict"),
            (mapping(a=value(1)) | {"key_types": sequence()}, "the keys of a dict"),
            (mapping(a=value(1)) | {"key_types": arguments()}, "the keys of a dict"),
            (node("DTypeNode", "numpy.dtype", content=value(1)), "a dtype"),
            (node("NdArrayNode", "numpy.ndarray", type="scipy"), "an array"),
            (node("NdArrayNode", "numpy.float64", type="json", content=[], shape=arguments()), "an array"),
            (node("NdArrayNode", "numpy.float64", type="numpy", file="7.npy"), "a single numpy.float64"),
            (node("SliceNode", "builtins.slice", content={"start": [], "stop": 1, "step": 1}), "a slice"),
            (node("SliceNode", "builtins.slice", content={"start": 1}), "a slice"),
            (node("ObjectNode", "sklearn.pipeline.Pipeline", content=sequence()), "the state of"),
            (node("ObjectNode", "sklearn.pipeline.Pipeline"), "field content"),
            (node("ListNode", "builtins.list", content={}), "field content"),
            (sequence(1), "a node"),  # type: ignore[arg-type]
            ({}, "field __loader__"),
        ],
    )
    def test_what_skops_would_not_have_written_is_refused(self, evil: Node, reason: str, path: Path) -> None:
        """The name of a node alone does not make it valid."""

        def change(root: Node, members: forging.Members) -> None:
            members["7.npy"] = forging.npy(np.zeros(2))
            forging.add(root, "odd_", evil)

        forging.forge(path, forging.detector(), change)
        assert reason in refusal(path)


class TestIdentities:
    """skops reads a node once and puts it wherever its id appears again; here an id has no meaning."""

    def test_a_node_with_the_id_of_another_is_read_as_it_is(self, path: Path) -> None:
        """A value that was checked cannot be swapped for another by its id."""

        def change(root: Node, _: Any) -> None:
            content = attributes(root)
            content["verbose"]["__id__"] = content["hidden_sizes"]["__id__"]

        model = load(forging.forge(path, forging.detector(), change))
        assert (model.verbose, model.hidden_sizes) == (0, (96, 96))

    def test_aliases_do_not_multiply(self, path: Path) -> None:
        """Lists that repeat the id of a large one are as small as they are written."""

        def change(root: Node, _: Any) -> None:
            item = value(1)
            for _ in range(40):
                item = sequence(item, *(sequence() | {"__id__": item["__id__"]} for _ in range(7)))
            forging.add(root, "odd_", item)

        forging.forge(path, forging.detector(), change)
        assert "'odd_' of 'detector' is unknown" in refusal(path)


class TestBounds:
    def test_deep_and_many_nodes_are_refused(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither the stack nor the memory of the reader is the file's to choose."""

        def deep(root: Node, _: Any) -> None:
            item = value(1)
            for _ in range(100):
                item = sequence(item)
            forging.add(root, "odd_", item)

        forging.forge(path, forging.detector(), deep)
        assert "nested deeper than" in refusal(path)
        forging.put(path, forging.detector())
        monkeypatch.setattr(tree, "_MAX_NODES", 10)
        assert "over 10 nodes" in refusal(path)

    def test_a_list_hidden_in_a_plain_value_is_not_parsed(self, path: Path) -> None:
        """Written in escapes, its brackets are not counted where the memory is estimated."""
        evil = node("JsonNode", "builtins.str", content=" [" + "[1]," * 100_000 + "0]")
        forging.forge(path, forging.detector(), lambda root, _: forging.add(root, "odd_", evil))
        assert "a plain value" in refusal(path)

    def test_an_array_that_many_nodes_name_is_refused(self, path: Path) -> None:
        """A thousand nodes cannot each take a copy of one large array."""

        def change(root: Node, members: forging.Members) -> None:
            members["7.npy"] = forging.npy(np.zeros(100_000))
            nodes = [node("NdArrayNode", "numpy.ndarray", type="numpy", file="7.npy") for _ in range(40)]
            forging.add(root, "odd_", sequence(*nodes))

        forging.forge(path, forging.detector(), change)
        assert "more nodes than a fitted model has" in refusal(path)

    def test_a_missing_array_is_refused(self, path: Path) -> None:
        """By the name of the member."""

        def change(root: Node, members: dict[str, bytes]) -> None:
            del members[attributes(root)["calibration_scores_"]["file"]]

        forging.forge(path, forging.detector(), change)
        assert "is missing" in refusal(path)

    @pytest.mark.parametrize("file", ["schema.json", "metadata.json", "../../etc/passwd", 3])
    def test_an_array_is_an_array(self, file: object, path: Path) -> None:
        """No other member, and no file outside, is read as one."""
        forging.forge(
            path,
            forging.detector(),
            lambda root, _: attributes(root)["calibration_scores_"].update(file=file),
        )
        refusal(path)

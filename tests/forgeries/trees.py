"""The tree of nodes in schema.json, taken apart and put together again; how a forger makes a valid file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from tests.anomaly_vae.forging import Node, zipped
from tests.forgeries.models import Members, Sample


class Place(NamedTuple):
    """Where a node stands: in a list or a dict, under a key."""

    owner: Any
    key: Any

    @property
    def node(self) -> Node:
        """The node that stands there now."""
        found: Node = self.owner[self.key]
        return found


class Tree:
    """A model file as its parts: members, parsed schema and parsed metadata, to be changed in place."""

    def __init__(self, sample: Sample) -> None:
        self.members: Members = sample.members
        self.root: Node = json.loads(self.members["schema.json"])
        self.metadata: dict[str, Any] = json.loads(self.members["metadata.json"])
        self.schema_text: str | None = None

    def places(self) -> list[Place]:
        """Places of all nodes but the root, in order of the tree."""
        return list(_places(self.root))

    def instances(self) -> list[Node]:
        """Nodes of objects."""
        nodes = [self.root, *(place.node for place in self.places())]
        return [node for node in nodes if node["__loader__"] == "ObjectNode"]

    def sealed(self, random: Random | None = None) -> bytes:
        """The file: with its self-test, without one, or without one as a file of the first format.

        A change that moves scores fails the self-test; a forger leaves the self-test out, or calls the file
        one of a release that had none.
        """
        choice = random.choice(("kept", "kept", "stripped", "stripped", "old")) if random else "kept"
        if choice != "kept":
            self.metadata.pop("self_test", None)
        if choice == "old":
            self.metadata["format"] = 1
        schema = json.dumps(self.root) if self.schema_text is None else self.schema_text
        self.members["schema.json"] = schema.encode()
        self.members["metadata.json"] = json.dumps(self.metadata).encode()
        return zipped(self.members)


def _places(node: Node) -> Iterator[Place]:
    for owner, key in _below(node):
        if isinstance(owner[key], dict) and "__loader__" in owner[key]:
            yield Place(owner, key)
            yield from _places(owner[key])


def _below(node: Node) -> list[tuple[Any, Any]]:
    """Places right below a node where another may stand."""
    content = node.get("content")
    found: list[tuple[Any, Any]] = [(node, "shape")] if "shape" in node else []
    if isinstance(content, dict) and "__loader__" in content:
        return [*found, (node, "content")]
    if isinstance(content, dict | list):
        keys = list(content) if isinstance(content, dict) else range(len(content))
        return found + [(content, key) for key in keys]
    return found

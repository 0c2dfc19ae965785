"""Damage of schema.json: values of leaves, and the shape of the tree."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from tests.anomaly_vae.forging import Node, mapping, node, sequence, value
from tests.forgeries import nasty
from tests.forgeries.models import Sample
from tests.forgeries.trees import Tree

_MARK = "@here@"


def leaves(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """One or two leaves replaced: of a plain value, or of the fields that say what a node is."""
    tree = Tree(sample)
    for _ in range(random.choice((1, 1, 2))):
        plain = [place.node for place in tree.places() if place.node["__loader__"] == "JsonNode"]
        if plain and random.random() < 0.75:
            _change_value(random, random.choice(plain))
        else:
            nasty.changed_document(random, random.choice((tree.root, *tree.instances())))
    return tree.sealed(random)


def nodes(random: Random, sample: Sample, others: list[Sample]) -> bytes:
    """A node replaced, moved, doubled, removed, renamed, aliased, or put inside many others."""
    tree = Tree(sample)
    changes = (
        *(_replaced, _replaced, _swapped, _doubled, _removed, _renamed, _identified, _foreign),
        *(_shrunk, _nested, _widened, _bombed, _keyed),
    )
    random.choice(changes)(random, tree, others)
    return tree.sealed(random)


def _change_value(random: Random, plain: Node) -> None:
    try:
        held = json.loads(plain["content"])
    except ValueError:  # it was changed before
        held = None
    plain["content"] = json.dumps(nasty.changed(random, held)) if random.random() < 0.97 else "{"


def _replaced(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node by another of the file, more often than not of the same kind."""
    places = tree.places()
    place = random.choice(places)
    same = [other for other in places if other.node["__loader__"] == place.node["__loader__"]]
    source = random.choice(same if random.random() < 0.5 else places)
    place.owner[place.key] = copy.deepcopy(source.node)


def _swapped(random: Random, tree: Tree, others: list[Sample]) -> None:
    one, other = random.sample(tree.places(), 2)
    first, second = copy.deepcopy(one.node), copy.deepcopy(other.node)
    one.owner[one.key] = second
    if other.key in other.owner if isinstance(other.owner, dict) else other.key < len(other.owner):
        other.owner[other.key] = first


def _doubled(random: Random, tree: Tree, others: list[Sample]) -> None:
    """An item of a list stands there more often, under its id or as a node of its own."""
    place = random.choice([place for place in tree.places() if isinstance(place.owner, list)])
    for _ in range(random.choice((1, 1, 5, 100))):
        twin = copy.deepcopy(place.node)
        place.owner.append(_renumbered(twin) if random.random() < 0.5 else twin)


def _removed(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node is not there; of a dict, the type of its key neither."""
    place = random.choice(tree.places())
    if isinstance(place.owner, dict) and random.random() < 0.8:
        holders = [other.node for other in tree.places() if other.node.get("content") is place.owner]
        for holder in holders:
            if "key_types" in holder:
                holder["key_types"]["content"].pop()
    del place.owner[place.key]


def _renamed(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node says that it is of the type, or kind, of another."""
    one, other = (random.choice(tree.places()).node for _ in range(2))
    fields = random.choice(
        (("__class__", "__module__"), ("__loader__",), ("__loader__", "__class__", "__module__"))
    )
    one.update({field: other[field] for field in fields})


def _identified(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node has the id of another."""
    places = tree.places()
    one = random.choice(places).node
    same = [place.node for place in places if place.node["__class__"] == one["__class__"]]
    one["__id__"] = random.choice(same if random.random() < 0.8 else [places[0].node])["__id__"]


def _foreign(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node of another file in the place of one of this file."""
    theirs = Tree(random.choice(others))
    place = random.choice(tree.places())
    same = [p.node for p in theirs.places() if p.node["__loader__"] == place.node["__loader__"]]
    found = random.choice(same or [theirs.root])
    place.owner[place.key] = _renumbered(copy.deepcopy(found))
    tree.members |= {name: content for name, content in theirs.members.items() if name not in tree.members}


def _shrunk(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A list is empty, cut, reversed, or of another kind."""
    lists = [place.node for place in tree.places() if isinstance(place.node.get("content"), list)]
    found = random.choice(lists)
    items = found["content"]
    found["content"] = random.choice(([], items[:-1], items[1:], items[::-1], items + items))
    if random.random() < 0.2:
        found.update(__loader__="TupleNode", __class__="tuple", __module__="builtins")


def _nested(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A node inside many lists or dicts."""
    place = random.choice(tree.places())
    depth = random.choice((1, 2, 60, 64, 65, 300, 1_000, 30_000))
    inner, place.owner[place.key] = json.dumps(place.node), _MARK
    empty = json.dumps(sequence() if random.random() < 0.7 else {"content": []})
    before, after = empty.split("[]")
    tree.schema_text = json.dumps(tree.root).replace(
        f'"{_MARK}"', f"{before}[" * depth + inner + f"]{after}" * depth, 1
    )


def _widened(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A list or dict of many small things."""
    place = random.choice(tree.places())
    count = random.choice((10, 1_000, 20_000))
    item: Any = random.choice((value(0), sequence(), {}, [], 0))
    place.owner[place.key] = sequence(*[item] * count) if random.random() < 0.7 else [item] * count


def _bombed(random: Random, tree: Tree, others: list[Sample]) -> None:
    """Lists of lists that repeat by id: small in the file, huge to walk."""
    place = random.choice(tree.places())
    place.owner[place.key] = bomb(random.choice((3, 10, 40)), random.choice((2, 8)))


def bomb(depth: int, width: int) -> Node:
    """A list that holds one list `width` times under one id, and so on; the others are empty shells of it."""
    item = value(0)
    for _ in range(depth):
        shells = [{**item, "content": [] if isinstance(item["content"], list) else item["content"]}]
        item = sequence(item, *shells * (width - 1))
    return item


def _keyed(random: Random, tree: Tree, others: list[Sample]) -> None:
    """A dict with other keys, types of keys, or many of them."""
    dicts = [place.node for place in tree.places() if place.node["__loader__"] == "DictNode"]
    found = random.choice(dicts)
    kind = random.randrange(4)
    if kind == 0 and found["content"]:
        key = random.choice(sorted(found["content"]))
        found["content"][random.choice(nasty.TEXTS)] = found["content"].pop(key)
    elif kind == 1:
        found["key_types"]["content"] = found["key_types"]["content"][:-1]
    elif kind == 2 and found["key_types"]["content"]:
        name = random.choice(
            ("builtins.int", "builtins.float", "builtins.bool", "numpy.int64", "numpy.datetime64")
        )
        found["key_types"]["content"][0] = node("TypeNode", name)
    else:
        many = mapping(**{f"k{i}": value(i) for i in range(random.choice((1, 50)))})
        found["content"] |= many["content"]
        found["key_types"]["content"] += many["key_types"]["content"]


def _renumbered(tree: Node) -> Node:
    """A tree of nodes with ids of their own."""
    for owner, key in list(nasty.places(tree)):
        if key == "__id__":
            owner[key] = value(0)["__id__"]
    return tree | {"__id__": value(0)["__id__"]}

"""Values that are difficult for readers, and JSON texts that contain one of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

INTEGERS: list[int] = [
    -1,
    0,
    1,
    2,
    3,
    7,
    63,
    255,
    10**6,
    2**31 - 1,
    2**31,
    2**33,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
]
FLOATS: list[float] = [
    0.0,
    -0.0,
    -1.0,
    0.5,
    1.0,
    1e38,
    1e300,
    1e308,
    5e-324,
    1e-40,
    math.nan,
    math.inf,
    -math.inf,
]
TEXTS: list[str] = [
    "",
    "x" * 10_000,
    "two\nlines",
    "\x1b[2J",
    "\x00",
    "\ud800",
    "9" * 5_000,
    "1e400",
    "NaN",
    "../../etc/passwd",
    "{:>2000000000}",
    "%2000000000d",
    "passthrough",
    "drop",
    "None",
]
VALUES: list[Any] = [None, True, False, *INTEGERS, *FLOATS, *TEXTS, [], {}, [[]], [{}], {"": None}]
"""What any leaf of a JSON document is replaced with."""

Place = tuple[Any, Any]


def places(item: Any) -> Iterator[Place]:
    """Every (container, key) of a JSON document."""
    for key, value in list(item.items() if isinstance(item, dict) else enumerate(item)):
        yield item, key
        if isinstance(value, dict | list):
            yield from places(value)


def leaves(item: Any) -> list[Place]:
    """The places that hold no container, or an empty one."""
    return [
        (owner, key)
        for owner, key in places(item)
        if not isinstance(owner[key], dict | list) or not owner[key]
    ]


def changed(random: Random, value: Any) -> Any:
    """A value in the place of another: of its own type more often than not, or inside it where it is JSON."""
    inner = _parsed(value)
    if inner is not None and random.random() < 0.8:
        return json.dumps(changed_document(random, inner))
    if isinstance(value, bool) and random.random() < 0.5:
        return not value
    same = [other for other in VALUES if type(other) is type(value)]
    if same and random.random() < 0.6:
        return random.choice([*same, *_near(value)])
    return random.choice(VALUES)


def changed_document(random: Random, document: Any) -> Any:
    """A JSON document with one leaf changed; a document that is a leaf is changed itself."""
    found = leaves(document) if isinstance(document, dict | list) else []
    if not found:
        return changed(random, document)
    owner, key = random.choice(found)
    owner[key] = changed(random, owner[key])
    return document


def _near(value: Any) -> list[Any]:
    """Values beside a value."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value - 1, value + 1, 2 * value, -value]
    if isinstance(value, float):
        return [-value, 2.0 * value, value * 1e30]
    return [value[:-1], value + "x"] if isinstance(value, str) else []


def _parsed(value: Any) -> Any:
    """What a text holds that is JSON, or None."""
    if not isinstance(value, str) or value[:1] not in ('"', "[", "{"):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None

"""A mapping by key is bounded, drops the oldest, and reads back from JSON."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.errors import AlertingWarning


def test_too_many_keys_are_forgotten_with_a_word():
    """The oldest goes, and the rule is named once."""
    memory: ByKey[int] = ByKey("odd", max_keys=2)
    memory.put(("a",), 1)
    memory.put(("b",), 2)
    memory.put(("a",), 1)
    with pytest.warns(AlertingWarning, match="rule 'odd': its key has more than 2 values"):
        memory.put(("c",), 3)
    assert [key for key, _ in memory.items()] == [("a",), ("c",)]
    memory.put(("d",), 4)
    assert [key for key, _ in memory.items()] == [("c",), ("d",)]


def test_entries_read_back_from_json_in_their_order():
    """A key may be any cells, and the oldest entry stays the oldest."""
    entries: ByKey[int] = ByKey("odd")
    for number, key in enumerate([("b", ""), ("a", "x"), ("b", "y")]):
        entries.put(key, number)
    entries.put(("b", ""), 9)
    entries.drop(("never", "seen"))
    restored: ByKey[int] = ByKey("odd")
    restored.from_json(json.loads(json.dumps(entries.to_json(int))), int)
    assert (
        list(restored.items()) == list(entries.items()) == [(("a", "x"), 1), (("b", "y"), 2), (("b", ""), 9)]
    )

"""Random damage: loading a file raises ModelFileError with one line, or returns a model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae import ModelFileError, load
from tests.anomaly_vae import forging

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_changes_no_score(data: st.DataObject) -> None:
    """The file is rejected, or the model is the same."""
    content = bytearray(forging.saved(forging.detector()))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    again = loaded(bytes(content))
    X = forging.table(10)
    if again is not None:
        np.testing.assert_array_equal(again.score_samples(X), forging.detector().score_samples(X))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_changed_field_is_refused_or_harmless(data: st.DataObject) -> None:
    """A forged field with a valid checksum raises nothing but ModelFileError."""
    model = data.draw(st.sampled_from([forging.detector(), forging.encoded()]))
    members = forging.members(model)
    schema = json.loads(members["schema.json"])
    owner, key = data.draw(st.sampled_from(list(places(schema))))
    owner[key] = data.draw(JSON)
    loaded(forging.zipped(members | {"schema.json": json.dumps(schema).encode()}))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_changed_array_is_refused_or_a_model(data: st.DataObject) -> None:
    """A forged byte of an array with a valid checksum raises nothing but ModelFileError."""
    members = forging.members(forging.encoded())
    name = data.draw(st.sampled_from(sorted(name for name in members if name.endswith(".npy"))))
    content = bytearray(members[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    loaded(forging.zipped(members | {name: bytes(content)}))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_changed_self_test_is_refused_or_harmless(data: st.DataObject) -> None:
    """A forged self-test raises nothing but ModelFileError, and no score changes."""
    members = forging.members(forging.detector())
    metadata = json.loads(members["metadata.json"])
    parts = [(metadata, "self_test"), *places(metadata["self_test"])]
    owner, key = data.draw(st.sampled_from(parts))
    owner[key] = data.draw(JSON)
    again = loaded(forging.zipped(members | {"metadata.json": json.dumps(metadata).encode()}))
    X = forging.table(10)
    if again is not None:
        np.testing.assert_array_equal(again.score_samples(X), forging.detector().score_samples(X))


def places(item: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON document."""
    for key, value in list(item.items() if isinstance(item, dict) else enumerate(item)):
        yield item, key
        if isinstance(value, dict | list):
            yield from places(value)


def loaded(content: bytes) -> Any:
    """The model in a file of these bytes, or None where it is refused in one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.avae"
        path.write_bytes(content)
        try:
            return load(path)
        except ModelFileError as error:
            reason = str(error)
    assert "\n" not in reason
    return None

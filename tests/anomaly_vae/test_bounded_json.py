"""JSON of unknown origin: parsed as json does, or refused before it takes memory."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from anomaly_vae.bounded_json import FREE_BYTES, memory_of, read_json
from anomaly_vae.errors import ModelFileError

SHAPES = {
    "empty lists": "[],",
    "nested lists": "[[[[[[]]]]]],",
    "empty dicts": "{},",
    "dicts": '{"a":1},',
    "texts": '"ab",',
    "texts of wide characters": '"\U0001f600a",',
    "escaped texts": '"\\u00e9\\u4e00",',
    "escaped wide characters": '"' + "a" * 60 + '\\ud83d\\ude00",',
    "floats": "1.5,",
    "numbers": "1,",
    "nothing": "null,",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_is_never_below_what_parsing_takes(shape: str) -> None:
    """For any kind of small value, repeated."""
    data = f"[{SHAPES[shape] * (300_000 // len(SHAPES[shape]))}1]".encode()
    tracemalloc.start()
    try:
        json.loads(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= memory_of(data)


def test_what_fits_is_parsed() -> None:
    """From bytes and from text."""
    value = {"a": [1, 2.5, None, "é", {"b": True}]}
    assert read_json(json.dumps(value), "it", FREE_BYTES) == value
    assert read_json(json.dumps(value).encode(), "it", FREE_BYTES) == value


def test_63_mb_of_empty_lists_are_refused_before_they_are_parsed() -> None:
    """They would take 1.6 GB."""
    data = b"[" + b"[]," * 21_000_000 + b"1]"
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=r"it would take 2,\d+,\d+,\d+ bytes of memory"):
            read_json(data, "it", FREE_BYTES + len(data))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nan", "[" * 100_000, '"\ud800', b"\xff"])
def test_what_is_not_json_is_refused_in_one_line(text: str | bytes) -> None:
    """Nested too deeply as well."""
    with pytest.raises(ModelFileError, match=r"^it is (not valid JSON|nested too deeply)") as caught:
        read_json(text, "it", FREE_BYTES)
    assert "\n" not in str(caught.value)

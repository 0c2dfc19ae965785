"""Bodies by media type and encoding."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.service.codecs.bodies import SMALL, Body, media_type, rows_of_body
from anomaly_vae_pipelines.service.errors import TooLargeError, UnknownMediaError
from anomaly_vae_pipelines.service.models.inputs import ModelInputs

NUMBERS = ModelInputs({"x": "numeric"}, frozenset("x"), None, joins=True)
PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}


@pytest.mark.parametrize(
    ("given_type", "read"),
    [
        ("", "application/json"),
        ("application/x-www-form-urlencoded", "application/json"),
        ("Text/CSV; charset=utf-8", "text/csv"),
        ("image/png", "image/png"),
    ],
)
def test_a_media_type_is_read_without_case_and_parameters(given_type: str, read: str) -> None:
    headers = [(b"content-type", given_type.encode())]
    assert media_type(Request({"type": "http", "headers": headers})) == read


@pytest.mark.parametrize("codec", PACK)
@given(data=st.binary(max_size=200))
def test_a_compressed_body_is_what_was_compressed(codec: str, data: bytes) -> None:
    assert Body(PACK[codec](data), codec).unpacked(200) == data


@pytest.mark.parametrize("codec", ["gzip", "deflate"])
def test_a_body_is_decompressed_up_to_the_limit(codec: str) -> None:
    packed = PACK[codec](bytes(101))
    assert len(Body(packed, codec).unpacked(101)) == 101
    with pytest.raises(TooLargeError, match="more than 100 bytes"):
        Body(packed, codec).unpacked(100)


@pytest.mark.parametrize("codec", ["gzip", "deflate"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[:-3], lambda data: b"x" + data, lambda data: data + b"x"]
)
def test_a_damaged_body_is_refused(codec: str, damage: object) -> None:
    with pytest.raises(SourceError, match=f"not valid {codec} data"):
        Body(damage(PACK[codec](b"abcdef")), codec).unpacked(100)  # type: ignore[operator]


def test_a_small_body_is_short_and_not_compressed() -> None:
    assert Body(bytes(SMALL), "").is_small
    assert not Body(bytes(SMALL + 1), "").is_small
    assert not Body(b"", "gzip").is_small


def test_json_types_with_a_suffix_are_json() -> None:
    rows = rows_of_body(b'{"rows": [{"x": 1}]}', "application/vnd.me+json", NUMBERS, 10)
    assert rows.values.tolist() == [[1.0]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("media", ["application/xml", "text/plain", "application/octet-stream"])
def test_other_media_types_are_refused(media: str) -> None:
    with pytest.raises(UnknownMediaError, match=r"wanted application/json, text/csv"):
        rows_of_body(b"", media, NUMBERS, 10)

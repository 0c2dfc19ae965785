"""JSON Lines to blocks of rows."""

from __future__ import annotations

import codecs
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.dialects.missing import MISSING
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource

VALUE = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)


def read_all(path, content: bytes, numeric=(), **options):
    path.write_bytes(content)
    with JsonLinesSource(str(path), **options) as source:
        return [source.read(block, source.columns, numeric) for block in source.blocks()]


@given(st.lists(st.fixed_dictionaries({"a": VALUE, "b": VALUE}), min_size=1, max_size=8), st.integers(1, 80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_fields_become_columns_and_lines_stay_bytes(tmp_path, objects, size):
    """Every line is kept as it is, blocks of any size lose none, and text is text."""
    lines = [json.dumps(value).encode() for value in objects]
    read = read_all(tmp_path / "a.jsonl", b"\n".join(lines), block_bytes=size)
    assert [raw for rows, _ in read for raw in rows.raw.to_pylist()] == lines
    assert not any(rejected for _, rejected in read)
    cells = [cell for rows, _ in read for cell in rows.table.column("a").to_pylist()]
    for cell, value in zip(cells, objects, strict=True):
        if isinstance(value["a"], str) and value["a"].strip() not in MISSING:
            assert cell == value["a"]


def test_a_line_that_is_not_an_object_is_rejected(tmp_path):
    """Each bad line is known, the others are read; a lacking key is a missing cell."""
    content = (
        b'{"a":1,"b":"x"}\n\n{"a":true}\n[1]\n{"a":2.5,"c":1}\nnope\n{"a":[1]}\n{"a":"\xff"}\n' + b"[" * 99999
    )
    ((rows, rejected),) = read_all(tmp_path / "a.jsonl", content, numeric={"a"})
    assert rows.table.column("a").to_pylist() == [1.0, 2.5]
    assert rows.table.column("b").to_pylist() == ["x", None]
    assert rows.numbers.tolist() == [1, 5]
    assert [(row.number, row.kind) for row in rejected] == [
        (3, "number"), (4, "json"), (6, "json"), (7, "json"), (8, "encoding"), (9, "json"),
    ]  # fmt: skip
    assert all("\n" not in row.reason for row in rejected)


def test_a_key_that_is_repeated_is_refused(tmp_path):
    """Either value may be meant; also in the first line, whose keys are the columns."""
    content = b'{"a":1,"b":2,"a":3}\n{"a":2}\n{"b":1,"b":1}\n'
    ((rows, rejected),) = read_all(tmp_path / "a.jsonl", content)
    assert rows.table.column("a").to_pylist() == ["2"]
    wanted = "repeats the key {!r}; wanted each key once per object"
    assert [row.reason for row in rejected] == [wanted.format("a"), wanted.format("b")]


ARRAY = r"a.jsonl: is a JSON array; wanted one object per line: convert it with jq -c '\.\[\]' FILE"
UTF_16 = "a.jsonl: is in UTF-16 or UTF-32; save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no JSON object with a key"),
        (b"\n\n", "has no JSON object with a key"),
        (b"{}\n{}\n", "has no JSON object with a key"),
        (b"\n[1]\n", r"line 2: is not a JSON object but \[1\]; wanted"),
        (b'{"a":1,"a":2}\n', "line 1: repeats the key 'a'"),
        (b'{"a":"\xff"}\n', "line 1: byte 0xff is not UTF-8"),
        (b'[\n{"a":1},\n{"a":2}\n]\n', ARRAY),
        (b'[ {"a":1}]', ARRAY),
        ('{"a":1}'.encode("utf-16"), UTF_16),
        ('{"a":1}'.encode("utf-16-be"), UTF_16),
    ],
)
def test_a_file_without_objects_is_refused(tmp_path, content, problem):
    """There are no columns without a key; the message is that of its first line."""
    with pytest.raises(SourceError, match=problem):
        read_all(tmp_path / "a.jsonl", content)


@given(size=st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_byte_order_mark_of_utf_8_changes_nothing(tmp_path, size):
    """As PowerShell writes it, and as CSV may have it; also in a file that is read on from a position."""
    content = b'{"a":1}\n{"a":2}\n'
    path = tmp_path / "a.jsonl"
    plain, marked = (read_all(path, mark + content, block_bytes=size) for mark in (b"", codecs.BOM_UTF8))
    assert [rows.raw.to_pylist() for rows, _ in marked] == [rows.raw.to_pylist() for rows, _ in plain]
    with JsonLinesSource(str(path), block_bytes=8) as source:
        first = next(source.blocks())
    with JsonLinesSource(str(path)) as source:
        (block,) = source.blocks(first.end)
        assert source.read(block, ["a"]).rows.raw.to_pylist() == [b'{"a":2}']


HALF = '{"a": 1, "b": "x", "extra": "\\ud800 é", "\\udfff": [1, {"k": "\\ud83d\\ude00"}]}'


def test_half_a_surrogate_pair_passes_through_where_it_is_not_read(tmp_path):
    r"""No UTF-8 can hold it: in another format it is its escape, also in the name of a column."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(f"{HALF}\n".encode())
    with JsonLinesSource(str(path)) as source:
        assert source.columns == ("a", "b", "extra", "\\udfff")
        (block,) = source.blocks()
        rows, rejected = source.read(block, ["a", "b"], {"a"}, whole=True)
    assert not rejected
    assert rows.raw.to_pylist() == [HALF.encode()]
    (row,) = rows.whole.to_pylist()
    assert row["extra"] == "\\ud800 é"
    assert json.loads(row["\\udfff"]) == [1, {"k": "😀"}]
    assert (row["a"], row["b"]) == (1.0, "x")


def test_half_a_surrogate_pair_is_rejected_where_it_is_read(tmp_path):
    """By line and column, as a row that cannot be read."""
    lines = [b'{"a": "1"}', b'{"a": "\\ud800"}', b'{"a": "\\ud83d\\ude00"}']
    ((rows, rejected),) = read_all(tmp_path / "a.jsonl", b"\n".join(lines))
    assert rows.table.column("a").to_pylist() == ["1", "😀"]
    ((number, reason),) = [(row.number, row.reason) for row in rejected]
    assert number == 2
    assert "column 'a'" in reason
    assert "surrogate" in reason


def test_rewritten_rows_keep_the_words_of_the_file(tmp_path):
    """NA and None stay text where they are not numbers; only an empty cell is null."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": "NA", "b": "None", "c": "", "d": true, "e": 1e400, "f": {"x": []}}\n')
    with JsonLinesSource(str(path)) as source:
        (block,) = source.blocks()
        rows, _ = source.read(block, ["a", "b"], {"a"}, whole=True)
    assert rows.table.to_pylist() == [{"a": None, "b": None}]
    (row,) = rows.whole.to_pylist()
    assert row == {"a": None, "b": "None", "c": None, "d": "true", "e": "Infinity", "f": '{"x": []}'}

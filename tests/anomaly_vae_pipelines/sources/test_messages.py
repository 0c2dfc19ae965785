"""Messages of a topic to rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.io.kafka.offsets import Message
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource
from anomaly_vae_pipelines.sources.messages import MessageSource

VALUE = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)


def messages_of(*values: bytes | None, partition: int = 3, first: int = 40) -> list[Message]:
    return [Message(partition, first + i, b"k%d" % i, value) for i, value in enumerate(values)]


def read(messages, names, others=(), numeric=(), **options):
    """All rows and rejected rows of a batch, and the source."""
    with MessageSource("orders", messages, names=names, others=others, **options) as source:
        (block,) = source.blocks()
        return *source.read(block, [*names, *others], numeric), source


@given(st.lists(st.fixed_dictionaries({"a": VALUE, "b": VALUE}), min_size=1, max_size=8))
def test_a_message_is_read_as_a_line_is(objects):
    """The same cells, bytes and rejected rows as in a file of JSON Lines, in which an object is a line."""
    import io

    lines = [json.dumps(value).encode() for value in objects]
    rows, rejected, _ = read(messages_of(*lines, first=0), ["a", "b"], numeric=["a"])
    with JsonLinesSource(io.BytesIO(b"\n".join(lines))) as source:
        (block,) = source.blocks()
        wanted = source.read(block, ["a", "b"], ["a"])
    assert rows.table.to_pylist() == wanted.rows.table.to_pylist()
    assert rows.raw.to_pylist() == wanted.rows.raw.to_pylist()
    assert (rows.numbers + 1).tolist() == wanted.rows.numbers.tolist()
    assert [(row.number + 1, row.reason) for row in rejected] == [
        (row.number, row.reason) for row in wanted.rejected
    ]


def test_a_row_does_not_depend_on_the_other_messages():
    """Alone or in a batch; a field that it lacks is a missing cell."""
    values = [b'{"a": 1}', b'{"b": "x"}', b'{\n  "a": 2,\n  "b": "y"\n}\n', b'{"a": null, "c": 1}']
    together, _, _ = read(messages_of(*values), ["a", "b"], numeric=["a"])
    alone = [read(messages_of(value), ["a", "b"], numeric=["a"])[0].table.to_pylist()[0] for value in values]
    assert together.table.to_pylist() == alone
    assert alone == [
        {"a": 1.0, "b": None}, {"a": None, "b": "x"}, {"a": 2.0, "b": "y"}, {"a": None, "b": None},
    ]  # fmt: skip


def test_rows_have_their_partition_and_offset():
    """Also after some of them are dropped."""
    messages = messages_of(b'{"a": 1}', b'{"a": 2}') + messages_of(b'{"a": 3}', partition=0, first=7)
    rows, _, _ = read(messages, ["a"])
    assert [(rows.source_of(i), rows.name_of(i)) for i in range(3)] == [
        ("orders[3]", "offset 40"), ("orders[3]", "offset 41"), ("orders[0]", "offset 7"),
    ]  # fmt: skip
    kept = rows.take(np.array([True, False, True]))
    assert [(kept.source_of(i), kept.name_of(i)) for i in range(2)] == [
        ("orders[3]", "offset 40"), ("orders[0]", "offset 7"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (None, "json", "has a key but no value (a tombstone); wanted one object per message"),
        (
            b"",
            "json",
            "is not JSON (Expecting value: line 1 column 1 (char 0)); wanted one object per message",
        ),
        (b"a,b\n1,2", "json", "wanted one object per message"),
        (b"[1]", "json", "is not a JSON object but [1]; wanted {...} in each message"),
        (b"{}", "json", "has none of the columns of the model: a"),
        (b'{"c": 1}', "json", "has none of the columns of the model: a"),
        (b'{"a": 1, "a": 2}', "json", "repeats the key 'a'"),
        (b'{"a": [1]}', "json", "column 'a': wanted a number, a boolean or text, got [1]"),
        (b'{"a": "x"}', "number", "column 'a': wanted a number, got 'x'"),
        (b'{"a": "\xff"}', "encoding", "byte 0xff is not UTF-8; wanted each message in UTF-8"),
        (b'\0\0\0\0\1{"a": 1}', "json", "begins with a zero byte, as messages of a schema registry do"),
    ],
)
def test_a_message_that_is_not_a_row_is_rejected_with_its_place(value, kind, reason):
    """And its bytes; those around it are read."""
    batch = messages_of(b'{"a": 1}', value, b'{"a": 2}')
    rows, (rejected,), _ = read(batch, ["a"], others=["c"], numeric=["a"])
    assert rows.table.column("a").to_pylist() == [1.0, 2.0]
    assert (rejected.source, rejected.unit, rejected.number) == ("orders[3]", "offset", 41)
    assert (rejected.kind, rejected.raw) == (kind, value or b"")
    assert reason in rejected.reason


def test_the_key_of_a_message_is_a_column():
    """It replaces a field of that name; without a key the cell is missing, whatever the bytes are."""
    values = [b'{"a": 1, "host": "x"}', b'{"a": 2}', b'{"a": 3}']
    batch = [
        Message(0, i, key, value)
        for i, (key, value) in enumerate(zip([b"web", None, b"\xff"], values, strict=True))
    ]
    rows, rejected, source = read(batch, ["a"], others=["host"], key_column="host")
    assert rows.cells("host") == ["web", "", "\\xff"]
    assert not rejected
    assert not source.absent


def test_a_key_is_not_enough_for_a_row():
    """If the model reads other columns too."""
    rows, rejected, _ = read(messages_of(b'{"b": 1}'), ["a", "host"], key_column="host")
    assert (len(rows), len(rejected)) == (0, 1)
    rows, rejected, _ = read(messages_of(b'{"b": 1}'), ["host"], key_column="host")
    assert rows.cells("host") == ["k0"]


def test_columns_that_no_message_has_are_known():
    """After the batch was read."""
    *_, source = read(messages_of(b'{"a": 1}', b'{"a": 1, "b": null}'), ["a", "b", "c"], others=["d"])
    assert source.absent == {"c", "d"}

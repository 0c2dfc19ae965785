"""Where the records of CSV begin."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae_pipelines.sources.splitting import MAX_QUOTED_BYTES, split_records

CELL = st.text(st.sampled_from('ab ,"\n\r'), max_size=5)
MESSY = st.text(st.sampled_from('a,"\n\r'), max_size=40).map(str.encode)


def records_of(data: bytes) -> list[bytes]:
    starts = split_records(data, at_end=True).starts
    return [data[a:b] for a, b in pairwise(starts)]


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=3), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"])
)
def test_what_a_writer_wrote_is_split_where_it_wrote(rows, ending):
    """Quotes, commas and line breaks in cells part nothing."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator=ending, quoting=csv.QUOTE_ALL)
    lengths = [writer.writerow(row) for row in rows]
    data = stream.getvalue().encode()
    assert [len(record) for record in records_of(data)] == lengths


@given(MESSY)
def test_no_byte_is_lost_whatever_the_quotes(data):
    """Records are all of the data, in order, and none is empty."""
    found = records_of(data)
    assert b"".join(found) == data
    assert all(found)


@given(MESSY, st.integers(0, 40))
def test_reading_in_pieces_finds_the_same_records(data, cut):
    """Records that are complete in a part of the data are the same in all of it; the rest is split later."""
    begun = split_records(data[:cut], at_end=False).starts[-1]
    whole = split_records(data, at_end=True).starts
    assert begun in whole
    if begun:
        rest = split_records(data[begun:], at_end=True).starts + begun
        assert rest.tolist() == [start for start in whole if start >= begun]


@given(MESSY)
def test_lines_are_counted_as_editors_do(data):
    """A line ends with any line ending, in quotes too."""
    split = split_records(data, at_end=True)
    for start, line in zip(split.starts[:-1], split.lines[:-1], strict=True):
        before = data[:start]
        lone = before.replace(b"\r\n", b"\n")
        assert line == lone.count(b"\n") + lone.count(b"\r")


def test_an_open_quote_costs_its_line_only():
    """The row that forgot to close its quote ends with its line."""
    assert records_of(b'1,"x\n2,y\n3,z\n') == [b'1,"x\n', b"2,y\n", b"3,z\n"]


@pytest.mark.parametrize("data", [b'1,"x\n2,"y"\n', b'1,5" pipe\n2,y\n', b'1,"x"z\n2,y\n'])
def test_a_quote_out_of_place_is_noticed(data):
    """Only data whose quotes are all in place may be counted rather than matched."""
    assert not split_records(data, at_end=True).is_well_formed
    assert len(records_of(data)) == 2


def test_a_long_open_quote_is_considered_a_mistake():
    """An open quote does not consume the rest of the file."""
    data = b'1,"x\n' + b"2,y\n" * (MAX_QUOTED_BYTES // 4 + 10)
    assert split_records(data, at_end=False).starts[1] == 5
    assert len(split_records(data[:100], at_end=False).starts) == 1

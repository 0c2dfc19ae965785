"""Files of rejected rows."""

from __future__ import annotations

import csv

import pytest

from anomaly_vae_pipelines.records import Rejected
from anomaly_vae_pipelines.sinks.rejected import HEADER, RejectedLog, encode_rejected
from tests.anomaly_vae_pipelines.conftest import read_rows

ROWS = [
    Rejected("a.csv", 2, "width", 'wanted 2 cells, got "3"', b'1,"2\n3",4'),
    Rejected("a.csv", 5, "width", "wanted 2 cells, got 1", b"1"),
]


@pytest.mark.parametrize("n_bytes", range(1, len(HEADER + encode_rejected(ROWS)), 3))
def test_an_incomplete_row_absorbs_no_other(tmp_path, n_bytes):
    """Complete rows are kept, and rows of the next run are read correctly."""
    path, whole = tmp_path / "rejected.csv", HEADER + encode_rejected(ROWS)
    path.write_bytes(whole[:n_bytes])
    log = RejectedLog(str(path))
    for row in ROWS:
        log.append([row])
    with path.open(newline="") as stream:
        lines = [row[1] for row in csv.reader(stream, strict=True)]
    n_before = (n_bytes >= len(HEADER + encode_rejected(ROWS[:1]))) * 1
    assert lines == ["line", *["2"] * n_before, "2", "5"]


def test_another_file_is_only_added_to(tmp_path):
    """What this program did not write is left as it is, odd quotes and all."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b'a "note\nwithout an end')
    RejectedLog(str(path)).append(ROWS[:1])
    assert path.read_bytes() == b'a "note\nwithout an end' + encode_rejected(ROWS[:1])


def test_a_pipe_or_a_device_takes_rows():
    """They have no size."""
    RejectedLog("/dev/null").append(ROWS)


def test_rows_are_read_back_as_they_were(tmp_path):
    """Source, line, reason and the row's own text."""
    RejectedLog(str(tmp_path / "r.csv")).append(ROWS)
    assert [row["row"] for row in read_rows(tmp_path / "r.csv")] == ['1,"2\n3",4', "1"]

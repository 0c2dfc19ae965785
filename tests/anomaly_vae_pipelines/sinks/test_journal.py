"""The records of a run, in the file that locks its output."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.sinks.journal import Journal, last_record
from anomaly_vae_pipelines.sinks.lock import Lock


@pytest.fixture
def lock(tmp_path):
    held = Lock(tmp_path / "out.csv", "out.csv")
    held.acquire()
    yield held
    held.release()


class Torn(system.Calls):
    """Writes some bytes of the next piece, and fails."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes

    def write(self, descriptor, data):
        if self.n_bytes <= 0:
            raise OSError(28, "No space left on device")
        taken = os.write(descriptor, data[: self.n_bytes])
        self.n_bytes = 0
        return taken


def test_a_journal_gives_its_last_record(lock):
    """To the run that wrote it and to a later one, until it is cleared."""
    journal = Journal(lock)
    assert journal.read() is None
    for number in range(5):
        journal.write({"a": [number]})
    assert Journal(lock).read() == last_record(lock) == {"a": [4]}
    journal.clear()
    assert (journal.read(), last_record(lock), journal.is_empty) == (None, None, True)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=12), data=st.data())
def test_a_write_that_is_cut_short_leaves_the_record_before(tmp_path_factory, sizes, data):
    """Wherever it is cut, whatever the sizes of the records, and the next write succeeds."""
    lock = Lock(tmp_path_factory.mktemp("journal") / "out.csv", "out.csv")
    lock.acquire()
    journal, last = Journal(lock), None
    for size in sizes:
        record = {"a": "x" * size}
        before, system.calls = system.calls, Torn(data.draw(st.integers(0, size + 20)))
        try:
            with pytest.raises(SinkError, match="No space left"):
                journal.write(record)
        finally:
            system.calls = before
        journal = Journal(lock)
        assert journal.read() in (last, record)  # what was not written may be what was there before
        journal.write(record)
        last = record
        assert Journal(lock).read() == last
    assert lock.path.stat().st_size <= 4 * (max(sizes) + 60)
    lock.release()


def test_a_file_that_is_not_a_journal_has_no_record(lock):
    """Whatever it holds."""
    for content in (b"{}", b"1 0 {}\n", b"\xff" * 40, b"7 abc"):
        lock.path.write_bytes(content)
        assert Journal(lock).read() is None

"""One process at a time writes an output."""

from __future__ import annotations

import os

import pytest

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.sinks.lock import Lock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs file locks")


def test_a_lock_is_held_by_one(tmp_path):
    """The next one gets it when the first gave it up, and then nothing is left of it."""
    first, second = (Lock(tmp_path / "out.csv", "out.csv") for _ in range(2))
    first.acquire()
    with pytest.raises(SinkError, match=r"out.csv: another run is writing it; wait for that run to end"):
        second.acquire()
    first.release()
    second.acquire()
    assert (first.is_held, second.is_held) == (False, True)
    second.release()
    assert list(tmp_path.iterdir()) == []


class Late(system.Calls):
    """Lets another process end its run between opening a lock file and locking it."""

    def __init__(self, other: Lock) -> None:
        self.other, self.n_opened = other, 0

    def open(self, path, flags, mode=0o666):
        descriptor = super().open(path, flags, mode)
        self.n_opened += 1
        self.other.release()
        return descriptor


def test_a_lock_on_a_removed_file_is_worth_nothing(tmp_path, monkeypatch):
    """A lock file that its holder removed in between is not the one that the next process opens."""
    holder, late = (Lock(tmp_path / "out.csv", "out.csv") for _ in range(2))
    holder.acquire()
    calls = Late(holder)
    monkeypatch.setattr(system, "calls", calls)
    late.acquire()
    assert (calls.n_opened, late.path.exists()) == (2, True)
    third = Lock(tmp_path / "out.csv", "out.csv")
    with pytest.raises(SinkError, match="another run"):
        third.acquire()
    late.release()


def test_a_lock_file_that_holds_something_can_be_kept(tmp_path):
    """What a later run needs stays; an empty file is removed."""
    for content, stays in ((b"", False), (b"record", True)):
        lock = Lock(tmp_path / "out.csv", "out.csv")
        lock.acquire()
        lock.path.write_bytes(content)
        lock.release(keep=True)
        assert lock.path.exists() is stays

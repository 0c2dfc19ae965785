"""Atomic replacement of small files."""

from __future__ import annotations

import pytest

from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.io.durable import atomic_write, make_directory


def test_a_text_replaces_a_file(tmp_path):
    """The new text is there, and nothing else; only its owner may read it."""
    path = tmp_path / "state.json"
    path.write_text("old and longer")
    atomic_write(path, "new ä")
    assert path.read_text(encoding="utf-8") == "new ä"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_text_that_cannot_be_written_leaves_the_old_one(full_disk):
    """A full disk is named, and what was there is still there."""
    path = full_disk / "output"
    with pytest.raises(SinkError, match="output: cannot be written .No space left"):
        atomic_write(path, "x" * 100_000)
    assert path.read_text() == "old"
    assert list(full_disk.iterdir()) == [path]


def test_a_directory_is_made_with_those_above_it(tmp_path):
    """Creating it again changes nothing; a file of that name is an error."""
    for _ in range(2):
        make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "c").write_text("")
    with pytest.raises(SinkError, match="c: cannot be written"):
        make_directory(tmp_path / "c")

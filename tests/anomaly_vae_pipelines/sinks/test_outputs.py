"""Outputs by path."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import fsspec
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError
from anomaly_vae_pipelines.sinks.outputs import finish, make_output


def test_standard_output_is_written_to_and_left_open(monkeypatch):
    """What was sent cannot be taken back."""
    stdout = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stdout)
    output = make_output("-", "csv")
    output.write(b"a\n")
    finish(output)
    assert stdout.buffer.getvalue() == b"a\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_written_to(tmp_path):
    """A pipe gets the rows without --force, as nothing in it can be lost."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        output = make_output(pipe, "csv")
        output.write(b"a\n")
        finish(output)
        assert os.read(reader, 100) == b"a\n"
    finally:
        os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_device_is_named():
    """With the reason, and without a stack trace."""
    output = make_output("/dev/full", "csv")
    output.write(b"a\n")
    with pytest.raises(SinkError, match=r"/dev/full: cannot be written .No space left"):
        finish(output)
    output.close(keep=False)


def test_a_url_receives_the_complete_output_or_nothing():
    """What is staged here is copied there at the end, and not over what is there already."""
    memory = fsspec.filesystem("memory")
    output = make_output("memory://staged/a.csv.gz", "csv")
    output.write(output.compress(b"a\n"))
    assert not memory.exists("/staged/a.csv.gz")
    finish(output)
    assert gzip.decompress(memory.cat("/staged/a.csv.gz")) == b"a\n"
    with pytest.raises(OutputExistsError):
        make_output("memory://staged/a.csv.gz", "csv")
    dropped = make_output("memory://staged/b.csv", "csv")
    dropped.write(b"half")
    dropped.close(keep=False)
    assert not memory.exists("/staged/b.csv")


def test_a_path_that_cannot_be_a_file_is_rejected_before_the_work(tmp_path):
    """An output that may not or cannot be written is never made."""
    (tmp_path / "old.csv").touch()
    with pytest.raises(OutputExistsError):
        make_output(str(tmp_path / "old.csv"), "csv")
    with pytest.raises(InputError, match="is a directory"):
        make_output(str(tmp_path), "csv")
    with pytest.raises(InputError, match="does not exist; create it first"):
        make_output(str(tmp_path / "none" / "a.csv"), "csv")

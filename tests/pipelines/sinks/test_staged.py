"""Outputs on their way to their place."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae.errors import InputError
from pipelines.errors import OutputExistsError, SinkError
from pipelines.sinks.staged import Journal, StagedFile, StagedParquet, make_output


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_there_when_it_is_whole(tmp_path):
    """Until it is finished, the old file stands; then nothing else does."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    output = StagedFile(str(path), force=True)
    output.write(b"new")
    output.mark()
    assert path.read_text() == "old"
    output.finish()
    assert (path.read_text(), left_in(tmp_path)) == ("new", ["out.csv"])


def test_what_was_written_after_a_mark_is_forgotten(tmp_path):
    """A later process goes on from the mark as if the crash had come there."""
    path = str(tmp_path / "out.csv")
    first = StagedFile(path)
    first.write(b"one,")
    mark = first.mark()
    first.write(b"lost")
    first.close(keep=True)
    second = StagedFile(path)
    second.go_back(mark)
    second.write(b"two")
    second.finish()
    assert Path(path).read_text() == "one,two"


def test_a_mark_that_is_no_more_is_a_failure(tmp_path):
    """Somebody removed or cut what the last run left."""
    for output in (StagedFile(str(tmp_path / "a.csv")), StagedParquet(str(tmp_path / "a.parquet"))):
        with pytest.raises(SinkError, match="start afresh without --resume"):
            output.go_back({"size": 5, "parts": 2})


def test_two_runs_do_not_write_one_file(tmp_path):
    """The second is told that there is a first."""
    first, second = (StagedFile(str(tmp_path / "out.csv")) for _ in range(2))
    first.write(b"mine")
    with pytest.raises(SinkError, match="another run is writing it"):
        second.write(b"also mine")
    first.finish()
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
def test_compressed_pieces_are_one_file(tmp_path, suffix):
    """The same pieces give the same bytes, and any reader takes them for one file."""
    contents = []
    for name in ("a", "b"):
        output = StagedFile(str(tmp_path / f"{name}.csv.{suffix}"))
        for piece in (b"a,b\n", b"", b"1,2\n"):
            output.write(output.packed(piece))
        output.finish()
        contents.append((tmp_path / f"{name}.csv.{suffix}").read_bytes())
    assert contents[0] == contents[1]
    with pa.input_stream(str(tmp_path / f"a.csv.{suffix}"), compression="detect") as stream:
        assert stream.read() == b"a,b\n1,2\n"
    if suffix == "gz":
        assert gzip.decompress(contents[0]) == b"a,b\n1,2\n"


def test_parquet_is_the_same_file_however_often_it_was_broken_off(tmp_path):
    """Row groups are those of the pieces, in one run or in several."""
    tables = [pa.table({"a": [i, i + 1]}) for i in range(5)]
    whole = StagedParquet(str(tmp_path / "whole.parquet"))
    for table in tables:
        whole.write(table)
    whole.finish()
    path = str(tmp_path / "parts.parquet")
    first = StagedParquet(path)
    first.write(tables[0])
    first.mark()
    first.write(tables[1])
    mark = first.mark()
    first.write(tables[4])
    first.close(keep=True)
    second = StagedParquet(path)
    second.go_back(mark)
    for table in tables[2:]:
        second.write(table)
    second.finish()
    assert Path(path).read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.read_table(path).column("a").to_pylist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert left_in(tmp_path) == ["parts.parquet", "whole.parquet"]


def test_parquet_has_the_types_of_its_first_table(tmp_path):
    """What can be cast is; what cannot is refused in one line."""
    output = StagedParquet(str(tmp_path / "a.parquet"))
    output.write(pa.table({"a": [1.5], "b": ["x"]}))
    output.write(pa.table({"a": ["2.5"], "b": [True]}))
    with pytest.raises(InputError, match="not of the types of those before"):
        output.write(pa.table({"a": ["many"], "b": ["y"]}))
    output.finish()
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == {"a": [1.5, 2.5], "b": ["x", "true"]}


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_dropped_leaves_nothing(tmp_path, name):
    """A run that failed leaves no half file."""
    output = make_output(str(tmp_path / name), name.rpartition(".")[2])
    output.write(pa.table({"a": [1]}) if name.endswith("parquet") else b"half")
    output.close(keep=False)
    assert left_in(tmp_path) == []


def test_standard_output_is_written_to_and_left_open(monkeypatch):
    """What was sent cannot be taken back."""
    stdout = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stdout)
    output = make_output("-", "csv")
    output.write(b"a\n")
    output.finish()
    assert stdout.buffer.getvalue() == b"a\n"
    with pytest.raises(SinkError, match="--resume needs the name of a file"):
        output.go_back({})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_written_to(tmp_path):
    """A pipe gets the rows without --force, as nothing in it can be lost."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        output = make_output(pipe, "csv")
        output.write(b"a\n")
        output.finish()
        assert os.read(reader, 100) == b"a\n"
    finally:
        os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_device_is_named():
    """With the reason, and without a stack trace."""
    output = make_output("/dev/full", "csv")
    output.write(b"a\n")
    with pytest.raises(SinkError, match=r"/dev/full: cannot be written .No space left"):
        output.finish()
    output.close(keep=False)


def test_a_url_gets_the_whole_or_nothing():
    """What is staged here is copied there at the end, and not over what is there already."""
    memory = fsspec.filesystem("memory")
    output = make_output("memory://staged/a.csv.gz", "csv")
    output.write(output.packed(b"a\n"))
    assert not memory.exists("/staged/a.csv.gz")
    output.finish()
    assert gzip.decompress(memory.cat("/staged/a.csv.gz")) == b"a\n"
    with pytest.raises(OutputExistsError):
        make_output("memory://staged/a.csv.gz", "csv")
    dropped = make_output("memory://staged/b.csv", "csv")
    dropped.write(b"half")
    dropped.close(keep=False)
    assert not memory.exists("/staged/b.csv")


def test_where_no_file_can_be_is_refused_before_the_work(tmp_path):
    """An output that may not or cannot be written is never made."""
    (tmp_path / "old.csv").touch()
    with pytest.raises(OutputExistsError):
        make_output(str(tmp_path / "old.csv"), "csv")
    with pytest.raises(InputError, match="is a directory"):
        make_output(str(tmp_path), "csv")
    with pytest.raises(InputError, match="there is no directory"):
        make_output(str(tmp_path / "none" / "a.csv"), "csv")


def test_a_journal_is_whole_or_not_there(tmp_path):
    """What cannot be read says nothing."""
    journal = Journal(tmp_path / "out.csv")
    assert journal.read() is None
    journal.write({"a": [1]})
    assert journal.read() == {"a": [1]}
    journal.path.write_text('{"a": [')
    assert journal.read() is None
    journal.remove()
    assert left_in(tmp_path) == []

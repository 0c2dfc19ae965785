"""Tables of text to CSV files, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from pipelines.errors import OutputExistsError, SinkError
from pipelines.records import TextChunk
from pipelines.sinks import CsvSink, replacing
from pipelines.sources import read_csv

CHUNK = TextChunk(("a", "b"), [["1", "x"], ["2", "y"]])

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_tables_of_one_header_become_one_file(tmp_path):
    """The header is written once, rows are counted."""
    path = tmp_path / "out.csv"
    assert CsvSink(str(path))([CHUNK, CHUNK]) == 4
    assert path.read_bytes() == b"a,b\n1,x\n2,y\n1,x\n2,y\n"
    assert left_in(tmp_path) == ["out.csv"]


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width))))
def test_whatever_text_is_written_reads_back_the_same(tmp_path_factory, rows):
    """Quotes, commas, every line break and every script survive; so do cells with nothing in them."""
    path = str(tmp_path_factory.getbasetemp() / "round_trip.csv")
    columns = tuple(f"c{i}" for i in range(len(rows[0]) if rows else 1))
    CsvSink(path, force=True)([TextChunk(columns, rows)])
    (back,) = read_csv(path)
    assert back.columns == columns
    assert back.rows == rows


def test_the_name_decides_about_compression(tmp_path):
    """The same rows give the same compressed bytes, whenever they are written."""
    for name in ("a.csv.gz", "b.csv.gz"):
        CsvSink(str(tmp_path / name))([CHUNK])
    packed = (tmp_path / "a.csv.gz").read_bytes()
    assert gzip.decompress(packed) == b"a,b\n1,x\n2,y\n"
    assert packed == (tmp_path / "b.csv.gz").read_bytes()


def test_a_dash_is_standard_output(monkeypatch):
    """Standard output gets the rows and stays open."""
    stdout = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stdout)
    CsvSink("-")([CHUNK])
    assert stdout.buffer.getvalue() == b"a,b\n1,x\n2,y\n"


def test_an_existing_file_is_refused_before_anything_is_read(tmp_path):
    """A sink that may not write is never made."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(OutputExistsError, match="--force"):
        CsvSink(str(path))
    CsvSink(str(path), force=True)([CHUNK])
    assert path.read_text() != "old"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    """Whether the output exists is asked again at the end."""
    path = tmp_path / "out.csv"

    def tables():
        path.write_text("theirs")
        yield CHUNK

    with pytest.raises(OutputExistsError):
        CsvSink(str(path))(tables())
    assert path.read_text() == "theirs"
    assert left_in(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_trouble_leaves_the_old_file_and_nothing_else(tmp_path, trouble):
    """Whatever is raised while rows come, the output is as it was."""

    def tables():
        yield CHUNK
        raise trouble

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(trouble):
        CsvSink(str(path), force=True)(tables())
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["out.csv"]


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    """Who could read the old file can read the new one, and nobody else."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    path.chmod(0o640)
    CsvSink(str(path), force=True)([CHUNK])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    """The file that a link leads to is replaced, not the link."""
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    CsvSink(str(link), force=True)([CHUNK])
    assert link.is_symlink()
    assert target.read_text().startswith("a,b")


@pytest.mark.parametrize("name", ["", "missing/out.csv"], ids=["directory", "no directory"])
def test_where_no_file_can_be_is_refused(tmp_path, name):
    """The message names the place."""
    with pytest.raises(InputError, match="directory"):
        CsvSink(str(tmp_path / name))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_device_is_written_to_and_never_replaced():
    """A full device is named, with the reason, and is still a device."""
    with pytest.raises(SinkError, match=r"/dev/full: cannot be written .No space left"):
        CsvSink("/dev/full")([CHUNK])
    assert Path("/dev/full").is_char_device()
    with pytest.raises(InputError, match="pipe or a device"), replacing("/dev/full"):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_written_to(tmp_path):
    """A pipe gets the rows without --force, as nothing in it can be lost."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        CsvSink(pipe)([CHUNK])
        assert os.read(reader, 100) == b"a,b\n1,x\n2,y\n"
    finally:
        os.close(reader)


def test_python_itself_reads_what_is_written(tmp_path):
    """A lone carriage return is quoted, so that every reader takes it back."""
    path = tmp_path / "out.csv"
    CsvSink(str(path))([TextChunk(("a", "b"), [["x\ry", "z"]])])
    with path.open(newline="") as stream:
        assert list(csv.reader(stream)) == [["a", "b"], ["x\ry", "z"]]

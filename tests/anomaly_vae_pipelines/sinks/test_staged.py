"""Staged outputs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SinkError
from anomaly_vae_pipelines.sinks.outputs import finish, make_output
from anomaly_vae_pipelines.sinks.staged import StagedFile, StagedParquet


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_replaced_when_it_is_complete(tmp_path):
    """Until then the old file is unchanged; afterwards there is no hidden file."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    output = StagedFile(str(path), force=True)
    output.write(b"new")
    output.checkpoint()
    assert path.read_text() == "old"
    finish(output)
    assert (path.read_text(), left_in(tmp_path)) == ("new", ["out.csv"])


def test_rows_after_a_checkpoint_are_removed(tmp_path):
    """A later process continues from the checkpoint."""
    path = str(tmp_path / "out.csv")
    first = StagedFile(path)
    first.write(b"one,")
    checkpoint = first.checkpoint()
    first.write(b"lost")
    first.close(keep=True)
    second = StagedFile(path)
    second.restore(checkpoint)
    second.write(b"two")
    finish(second)
    assert Path(path).read_text() == "one,two"


def test_a_missing_checkpoint_is_an_error(tmp_path):
    """The files of the last run were removed or truncated."""
    for output in (StagedFile(str(tmp_path / "a.csv")), StagedParquet(str(tmp_path / "a.parquet"))):
        with pytest.raises(SinkError, match="start over without --resume"):
            output.restore({"size": 5, "parts": 2})


def test_two_runs_cannot_write_the_same_file(tmp_path):
    """The second run receives an error."""
    first, second = (StagedFile(str(tmp_path / "out.csv")) for _ in range(2))
    first.write(b"mine")
    with pytest.raises(SinkError, match="another run is writing it"):
        second.write(b"also mine")
    finish(first)
    assert (tmp_path / "out.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet"])
def test_the_loser_of_the_lock_changes_nothing(tmp_path, name):
    """A second run with the same output fails without a trace; the first one completes."""
    piece = pa.table({"a": [1]}) if name.endswith("parquet") else b"mine"
    first, second = (make_output(str(tmp_path / name), name.rpartition(".")[2]) for _ in range(2))
    first.write(piece)
    with pytest.raises(SinkError, match="another run is writing it"):
        second.write(piece)
    second.close(keep=False)
    first.write(piece)
    finish(first)
    assert left_in(tmp_path) == [name]


@pytest.mark.parametrize("suffix", ["gz", "bz2", "zst"])
def test_compressed_pieces_are_one_file(tmp_path, suffix):
    """The same pieces give the same bytes, and any reader takes them for one file."""
    contents = []
    for name in ("a", "b"):
        output = StagedFile(str(tmp_path / f"{name}.csv.{suffix}"))
        for piece in (b"a,b\n", b"", b"1,2\n"):
            output.write(output.compress(piece))
        finish(output)
        contents.append((tmp_path / f"{name}.csv.{suffix}").read_bytes())
    assert contents[0] == contents[1]
    with pa.input_stream(str(tmp_path / f"a.csv.{suffix}"), compression="detect") as stream:
        assert stream.read() == b"a,b\n1,2\n"
    if suffix == "gz":
        assert gzip.decompress(contents[0]) == b"a,b\n1,2\n"


def test_parquet_is_the_same_file_however_often_it_was_interrupted(tmp_path):
    """Row groups are those of the pieces, in one run or in several."""
    tables = [pa.table({"a": [i, i + 1]}) for i in range(5)]
    whole = StagedParquet(str(tmp_path / "whole.parquet"))
    for table in tables:
        whole.write(table)
    finish(whole)
    path = str(tmp_path / "parts.parquet")
    first = StagedParquet(path)
    first.write(tables[0])
    first.checkpoint()
    first.write(tables[1])
    checkpoint = first.checkpoint()
    first.write(tables[4])
    first.close(keep=True)
    second = StagedParquet(path)
    second.restore(checkpoint)
    for table in tables[2:]:
        second.write(table)
    finish(second)
    assert Path(path).read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.read_table(path).column("a").to_pylist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert left_in(tmp_path) == ["parts.parquet", "whole.parquet"]


def test_parquet_has_the_types_of_its_first_table(tmp_path):
    """What can be cast is; what cannot is refused in one line."""
    output = StagedParquet(str(tmp_path / "a.parquet"))
    output.write(pa.table({"a": [1.5], "b": ["x"]}))
    output.write(pa.table({"a": ["2.5"], "b": [True]}))
    with pytest.raises(InputError, match="has other column types than the inputs before it"):
        output.write(pa.table({"a": ["many"], "b": ["y"]}))
    finish(output)
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == {"a": [1.5, 2.5], "b": ["x", "true"]}


@pytest.mark.parametrize("is_nested", [False, True])
def test_floats_have_no_dictionary_in_parquet(tmp_path, is_nested):
    """Unless a column that cannot be named needs one."""
    columns = {"x": [0.5, 0.5], "word": ["a", "a"], "n": [1, 1]} | (
        {"many": [["a"], ["a"]]} if is_nested else {}
    )
    sink = StagedParquet(str(tmp_path / "out.parquet"))
    sink.write(pa.table(columns))
    finish(sink)
    group = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0)
    found = [group.column(number).has_dictionary_page for number in range(len(columns))]
    assert found == [is_nested, True, True, *([True] if is_nested else [])]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_an_abandoned_output_leaves_nothing(tmp_path, name):
    """A run that failed leaves no half file."""
    output = make_output(str(tmp_path / name), name.rpartition(".")[2])
    output.write(pa.table({"a": [1]}) if name.endswith("parquet") else b"half")
    output.close(keep=False)
    assert left_in(tmp_path) == []

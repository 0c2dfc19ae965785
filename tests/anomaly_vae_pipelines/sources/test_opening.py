"""Paths to sources, sources to rows."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from anomaly_vae_pipelines.sources.jsonl import JsonLinesSource
from anomaly_vae_pipelines.sources.opening import (
    format_of,
    input_files,
    no_rows,
    open_growing,
    open_source,
    read_rows,
)
from anomaly_vae_pipelines.sources.parquet import ParquetSource


def test_the_format_is_given_or_that_of_the_suffix():
    """A suffix of compression does not count; CSV is the default."""
    suffixes = {"a.csv": "csv", "a.PQ": "parquet", "a.ndjson.gz": "jsonl", "s3://b/a.parquet": "parquet"}
    assert {path: format_of(path) for path in suffixes} == suffixes
    assert (format_of("-"), format_of("a.log"), format_of("a.csv", "jsonl")) == ("csv", "csv", "jsonl")


def test_each_format_has_a_source(tmp_path):
    """The same rows in three formats give the same table."""
    pq.write_table(pa.table({"a": ["1", "2"]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("a\n1\n2\n")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a": 2}\n')
    kinds = {"csv": DelimitedSource, "jsonl": JsonLinesSource, "parquet": ParquetSource}
    for suffix, kind in kinds.items():
        for opening in (open_source, open_growing):
            with opening(str(tmp_path / f"a.{suffix}")) as source:
                assert type(source) is kind
                (rows,) = read_rows(source, numeric=["a"])
                assert rows.table.to_pydict() == {"a": [1.0, 2.0]}


def test_only_complete_lines_of_a_growing_file_are_rows(tmp_path):
    """The last line may still be written to."""
    (tmp_path / "a.csv").write_text("a\n1\n2")
    for opening, cells in ((open_source, ["1", "2"]), (open_growing, ["1"])):
        with opening(str(tmp_path / "a.csv")) as source:
            assert [cell for rows in read_rows(source) for cell in rows.cells("a")] == cells


def test_a_directory_is_expanded_to_its_files_of_rows(tmp_path):
    """In order of their names; other files are skipped, and a directory without any is rejected."""
    for name in ("b.csv", "a.jsonl.gz", "notes.txt"):
        (tmp_path / name).touch()
    found = input_files(["first.csv", str(tmp_path), "-", "s3://bucket"])
    assert found == ["first.csv", str(tmp_path / "a.jsonl.gz"), str(tmp_path / "b.csv"), "-", "s3://bucket"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"empty: is a directory without files of rows; wanted \.arrow, \.csv, "
    ):
        input_files([str(tmp_path / "empty")])


def test_a_file_without_rows_has_one_empty_piece(tmp_path):
    """With the columns that were asked for, and their types."""
    (tmp_path / "a.csv").write_text("a,b\n")
    with open_source(str(tmp_path / "a.csv")) as source:
        (rows,) = read_rows(source, ["b"], ["b"])
        assert (len(rows), rows.table.schema) == (0, no_rows(source, ["b"], ["b"]).table.schema)
        assert rows.table.schema.field("b").type == pa.float64()


def test_the_first_bad_row_ends_reading(tmp_path):
    """The error names its line."""
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n4\n")
    with open_source(str(tmp_path / "a.csv")) as source, pytest.raises(SourceError, match="line 3: wanted 2"):
        list(read_rows(source))

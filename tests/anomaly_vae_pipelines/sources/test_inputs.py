"""The sources of a run."""

from __future__ import annotations

import json

import pytest

from anomaly_vae_pipelines.errors import LostInputError, SourceError
from anomaly_vae_pipelines.sources.inputs import TableInputs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two files of rows, named in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "b.jsonl").write_text('{"a": 10}\n')
    return tmp_path


def test_paths_become_sources_in_order(folder):
    """A pattern and a directory stand for their files; formats and sizes are those of the files."""
    inputs = TableInputs(["b.jsonl", "*.csv", str(folder)])
    assert inputs.names == ("b.jsonl", "a.csv", str(folder / "a.csv"), str(folder / "b.jsonl"))
    assert inputs.sizes == (10, 4, 4, 10)
    assert [inputs.format(number) for number in range(4)] == ["jsonl", "csv", "csv", "jsonl"]
    for number, name in enumerate(inputs.paths()):
        with inputs.open(number) as source:
            assert (source.name, source.columns) == (name, ("a",))


def test_the_identity_of_inputs_is_that_of_names_and_sizes(folder):
    """It survives JSON, and changes with the size of any file."""
    identity = TableInputs(["a.csv", "b.jsonl"]).identity()
    assert json.loads(json.dumps(identity)) == identity == TableInputs(["a.csv", "b.jsonl"]).identity()
    (folder / "b.jsonl").write_text('{"a": 100}\n')
    assert TableInputs(["a.csv", "b.jsonl"]).identity() != identity


def test_standard_input_has_no_size(folder):
    """So a run that reads it cannot be checked for truncation."""
    assert TableInputs(["-"], "jsonl").identity() == [["-", None]]
    assert TableInputs(["-"], "jsonl").format(0) == "jsonl"


def test_a_file_that_vanished_or_shrank_is_a_failure_of_the_run(folder):
    """A file that never existed is a mistake of the user."""
    inputs = TableInputs(["a.csv", "b.jsonl", "gone.csv"])
    (folder / "a.csv").write_text("a\n")
    (folder / "b.jsonl").unlink()
    with pytest.raises(LostInputError, match="had 4 bytes"):
        inputs.open(0)
    with pytest.raises(LostInputError, match="it existed when the run started"):
        inputs.open(1)
    with pytest.raises(SourceError, match=r"gone\.csv: cannot be opened"):
        inputs.open(2)


def test_a_pattern_without_files_is_rejected(folder):
    """Before anything is read."""
    with pytest.raises(SourceError, match="matches no file"):
        TableInputs(["*.parquet"])

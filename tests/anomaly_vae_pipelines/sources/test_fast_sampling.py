"""Samples of blocks: parts of files that can be read without those before them."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.sources import TableInputs, open_source, read_rows, text
from anomaly_vae_pipelines.sources.fast_sampling import blocks_of, choose_blocks
from tests.anomaly_vae_pipelines.conftest import write_table

N_ROWS = 200


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Of text files."""
    monkeypatch.setattr(text, "CLUSTER_BYTES", 100)


@pytest.fixture(params=["csv", "jsonl", "parquet", "quotes", "no line end"])
def path(request, tmp_path):
    """A file of numbers and texts of different lengths."""
    cells = [[str(i), "ä" * (i % 23)] for i in range(N_ROWS)]
    if request.param == "parquet":
        table = pa.table({"n": [row[0] for row in cells], "t": [row[1] for row in cells]})
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=15)
        return str(tmp_path / "a.parquet")
    if request.param == "jsonl":
        lines = [json.dumps(dict(zip("nt", row, strict=True))) for row in cells]
        (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return str(tmp_path / "a.jsonl")
    if request.param == "quotes":
        cells = [[n, f'say "{t}", please'] for n, t in cells]
    path = write_table(tmp_path / "a.csv", "nt", cells)
    if request.param == "no line end":
        whole = (tmp_path / "a.csv").read_bytes()
        (tmp_path / "a.csv").write_bytes(whole.rstrip(b"\r\n"))
    return path


def numbers_in(path: str, blocks: list[int]) -> list[int]:
    with open_source(path) as source:
        pieces = list(read_rows(source, ["n"], blocks=blocks_of(source, blocks)))
    return [int(cell) for piece in pieces for cell in piece.cells("n")]


def test_all_parts_are_the_file(path):
    """Each row is in one part, and in any order of reading."""
    with open_source(path) as source:
        n_parts = len(source.clusters())
        assert sum(source.clusters()) == pytest.approx(N_ROWS, rel=1.0)
    assert n_parts > 10
    assert numbers_in(path, list(range(n_parts))) == list(range(N_ROWS))
    parts = [numbers_in(path, [number]) for number in range(n_parts)]
    assert [n for part in parts for n in part] == list(range(N_ROWS))
    assert numbers_in(path, [7, 2]) == parts[7] + parts[2]


def test_each_part_is_as_likely_as_another(tmp_path):
    """In files of any sizes; the same parts for the same seed."""
    for name, n_groups in {"a": 3, "b": 1, "c": 20}.items():
        pq.write_table(pa.table({"n": range(n_groups * 10)}), tmp_path / f"{name}.parquet", row_group_size=10)
    inputs = TableInputs([str(tmp_path)])
    counts = np.zeros(24)
    for seed in range(300):
        chosen = choose_blocks(inputs, 110, seed)
        assert (chosen.n_all, chosen.n_chosen) == (24, 11)
        counts[
            [*chosen.of_files[0], *(3 + k for k in chosen.of_files[1]), *(4 + k for k in chosen.of_files[2])]
        ] += 1
    assert np.abs(counts - 300 * 11 / 24).max() < 4.5 * np.sqrt(300 * 11 * 13) / 24
    assert choose_blocks(inputs, 110, 7) == choose_blocks(inputs, 110, 7)
    assert choose_blocks(inputs, 1, 0).n_chosen == 10
    assert choose_blocks(inputs, 10_000, 0).n_chosen == 24


def test_line_breaks_in_quotes_are_refused_where_they_matter(tmp_path):
    """A part that starts in a cell is not guessed at."""
    path = write_table(tmp_path / "a.csv", "nt", [[str(i), "one\n" * 9 + '"two"'] for i in range(100)])
    with pytest.raises(SourceError, match="quotes near byte .*; leave out --fast-sample"):
        numbers_in(path, list(range(10)))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.arrow"])
def test_files_that_can_only_be_read_from_their_start_are_refused(tmp_path, name):
    path = tmp_path / name
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(b"n,t\n" + b"1,x\n" * 100))
    else:
        with pa.ipc.new_file(str(path), pa.schema({"n": pa.int64()})) as writer:
            writer.write_table(pa.table({"n": [1, 2]}))
    with pytest.raises(SourceError, match="can only be read from its start: wanted Parquet, or CSV"):
        choose_blocks(TableInputs([str(path)]), 10, 0)

"""Inputs that are truncated or replaced while they are read."""

from __future__ import annotations

import bz2
import gzip
import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anomaly_vae_pipelines.errors import LostInputError
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.scoring.options import ScoreOptions
from anomaly_vae_pipelines.sources import delimited, jsonl, parquet
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, read_table, write_table

COMPRESSIONS = {
    ".gz": gzip.compress,
    ".bz2": lambda data: bz2.compress(data, 1),  # in blocks of 100 kB
    ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}
NAMES = ["in.csv", "in.jsonl", "in.csv.gz", "in.csv.bz2", "in.csv.zst", "in.parquet"]
N_ROWS = 1_200


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The same rows in every format, of lines that hardly compress."""
    folder = tmp_path_factory.mktemp("whole")
    draw = random.Random(0)
    table = [[*row[:-1], f"{draw.getrandbits(2048):x}"] for row in orders(N_ROWS)]
    content = Path(write_table(folder / "in.csv", COLUMNS, table)).read_bytes()
    for suffix, compress in COMPRESSIONS.items():
        (folder / f"in.csv{suffix}").write_bytes(compress(content))
    columns = pa.table({name: [row[j] for row in table] for j, name in enumerate(COLUMNS)})
    pq.write_table(columns, folder / "in.parquet", row_group_size=200, compression="NONE")
    lines = (f'{{"{COLUMNS[0]}": "{row[0]}"' for row in table)
    rest = (
        "".join(f', "{name}": "{cell}"' for name, cell in zip(COLUMNS[1:], row[1:], strict=True))
        for row in table
    )
    text = "".join(f"{line}{fields}}}\n" for line, fields in zip(lines, rest, strict=True))
    (folder / "in.jsonl").write_text(text)
    return folder


@pytest.fixture
def source(request, whole, tmp_path, monkeypatch) -> Path:
    """A copy that may be truncated, read in small blocks."""
    for module, name in ((delimited, "DelimitedSource"), (jsonl, "JsonLinesSource")):
        settings = getattr(module, name).__init__.__kwdefaults__
        monkeypatch.setitem(settings, "block_bytes", 1 << 16)
    monkeypatch.setitem(parquet.ParquetSource.__init__.__kwdefaults__, "block_rows", 100)
    path = tmp_path / request.param
    path.write_bytes((whole / request.param).read_bytes())
    return path


def after_blocks(run: ScoreRun, n_blocks: int, change) -> None:
    """Let something happen once a number of blocks is written."""
    take, count = run._write, 0

    def taking(*arguments) -> None:
        nonlocal count
        take(*arguments)
        count += 1
        if count == n_blocks:
            change()

    run._write = taking


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
@pytest.mark.parametrize("source", NAMES, indirect=True)
def test_a_file_that_is_truncated_while_it_is_read_fails_the_run(source, model, tmp_path, share):
    """To nothing, in the middle or near its end: both sizes are reported, and the old output is kept."""
    out, size = tmp_path / "out.csv", source.stat().st_size
    out.write_text("old")
    run = ScoreRun(model, [str(source)], str(out), ScoreOptions(force=True, jobs=1))
    after_blocks(run, 4, lambda: os.truncate(source, int(size * share)))
    with pytest.raises(LostInputError, match=f"was truncated .* had {size:,} bytes .* could be read"):
        run()
    assert out.read_text() == "old"


@pytest.mark.parametrize("source", ["in.csv"], indirect=True)
def test_a_file_that_is_truncated_and_written_again_fails_the_run(source, model, tmp_path):
    """As log rotation with copytruncate does: the new rows do not replace the lost ones."""
    run = ScoreRun(model, [str(source)], str(tmp_path / "out.csv"), ScoreOptions(jobs=1))
    head = source.read_bytes()[:1000]
    after_blocks(run, 4, lambda: source.write_bytes(head))
    with pytest.raises(LostInputError, match="was truncated"):
        run()
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("source", NAMES, indirect=True)
def test_a_file_that_is_replaced_while_it_is_read_is_read_to_its_end(source, model, tmp_path):
    """A rename does not affect an open file: all of its rows are scored."""
    other = tmp_path / "other"
    other.write_bytes(b"x,y\n1,2\n")
    run = ScoreRun(model, [str(source)], str(tmp_path / "out.csv"), ScoreOptions(jobs=1))
    after_blocks(run, 4, lambda: os.replace(other, source))
    assert run().n_rows == N_ROWS


@pytest.mark.parametrize("source", ["in.csv"], indirect=True)
def test_a_file_that_is_appended_to_while_it_is_read_is_read_to_its_new_end(source, model, tmp_path):
    """All rows are scored."""
    run = ScoreRun(model, [str(source)], str(tmp_path / "out.csv"), ScoreOptions(jobs=1))
    row = source.read_bytes().splitlines()[1] + b"\n"

    def append() -> None:
        with source.open("ab") as stream:
            stream.write(row)

    after_blocks(run, 4, append)
    assert run().n_rows == N_ROWS + 1


@pytest.mark.parametrize("source", ["in.csv"], indirect=True)
def test_a_file_that_is_truncated_before_it_is_opened_fails_the_run(source, model, unseen, tmp_path):
    """Of several files, one that was longer when the run began."""
    run = ScoreRun(model, [unseen, str(source)], str(tmp_path / "out.csv"))
    os.truncate(source, 5000)
    with pytest.raises(LostInputError, match="was truncated"):
        run()


@pytest.mark.parametrize("source", ["in.csv"], indirect=True)
def test_exit_code_and_message_report_a_truncated_input(source, model, tmp_path, run, monkeypatch):
    """Exit code 1 and one line on stderr."""
    take, count = ScoreRun._write, []

    def taking(self, *arguments) -> None:
        take(self, *arguments)
        count.append(1)
        if len(count) == 4:
            os.truncate(source, 0)

    monkeypatch.setattr(ScoreRun, "_write", taking)
    ended = run("score", model, str(source), "-o", str(tmp_path / "out.csv"), "--quiet", "--jobs", "1")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "was truncated while it was read" in ended.err


@pytest.mark.parametrize("source", ["in.csv"], indirect=True)
def test_a_file_that_is_truncated_while_it_is_open_fails_a_fit(source, monkeypatch):
    """Every command that reads files reports it, not only score."""
    read = delimited.DelimitedSource.read
    count = []

    def reading(self, *arguments, **options):
        count.append(1)
        if len(count) == 4:
            os.truncate(source, 0)
        return read(self, *arguments, **options)

    monkeypatch.setattr(delimited.DelimitedSource, "read", reading)
    with pytest.raises(LostInputError, match="was truncated"):
        read_table(str(source))

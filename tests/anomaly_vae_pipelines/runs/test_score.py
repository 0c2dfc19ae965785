"""Scoring runs: every row is scored or rejected, and an interrupted run can be resumed."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import (
    LostInputError,
    OutputExistsError,
    SourceError,
    TooManyRejectedError,
    UnknownNameError,
)
from anomaly_vae_pipelines.runs import score as score_run
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.scoring.options import ScoreOptions
from anomaly_vae_pipelines.sources.delimited import DelimitedSource
from tests.anomaly_vae_pipelines.conftest import (
    COLUMNS,
    command_line,
    orders,
    process_environment,
    read_rows,
    write_table,
)

QUARANTINE = ScoreOptions(on_bad_row="quarantine")


class Watching:
    """Remembers the codes of all rows."""

    columns = ("code",)
    calibration_rows = None

    def __init__(self) -> None:
        self.seen, self.n_reasons = [], 0

    def observe(self, scored) -> None:
        self.seen += scored.rows.cells("code")
        self.n_reasons += len(scored.reasons)

    def get_state(self):
        return {"seen": self.seen}

    def set_state(self, state) -> None:
        self.seen = list(state["seen"])


class Hosts(Watching):
    columns = ("host",)


class Crash(BaseException):
    """What no run expects."""


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few rows, and a checkpoint after each."""
    from anomaly_vae_pipelines.sources import delimited

    monkeypatch.setattr(score_run, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(
        delimited.DelimitedSource.__init__, "__kwdefaults__", {"block_bytes": 400, "growing": False}
    )


@pytest.fixture
def big(tmp_path):
    """A table of some blocks with bad rows in it, quotes and embedded line breaks."""
    rows = [[*row[:3], f"{row[3]}", *row[4:]] for row in orders(300)]
    rows[50][0], rows[51][0] = 'a "quoted", cell', "two\nlines"
    path = tmp_path / "big.csv"
    write_table(path, COLUMNS, rows)
    lines = path.read_bytes().split(b"\n")
    lines[100], lines[200] = b"1,2", b"x" * 7
    path.write_bytes(b"\n".join(lines))
    return str(path)


def outputs_of(path: str) -> list[bytes]:
    return [Path(path).read_bytes(), Path(path + ".rejected").read_bytes()]


def interrupted(run: ScoreRun, after: int) -> None:
    """Make a run crash after a number of blocks."""
    take, count = run._write, 0

    def crashing(*arguments) -> None:
        nonlocal count
        if count == after:
            raise Crash
        count += 1
        take(*arguments)

    run._write = crashing
    with pytest.raises(Crash):
        run()


def test_every_row_is_scored_or_rejected(tmp_path, model, big):
    """Nothing is lost, counts agree with the files, and each rejected row has its line."""
    out = str(tmp_path / "out.csv")
    summary = ScoreRun(model, [big], out, QUARANTINE)()
    assert (summary.n_rows, summary.n_scored, summary.n_rejected) == (300, 298, 2)
    assert summary.rejected == {"width": 2}
    assert len(read_rows(out)) == 298
    rejected = read_rows(out + ".rejected")
    assert [(row["row"], row["line"]) for row in rejected] == [("1,2", "101"), ("xxxxxxx", "201")]
    assert summary.n_anomalies == sum(row["is_anomaly"] == "true" for row in read_rows(out))
    scores = sorted(float(row["score"]) for row in read_rows(out))
    assert summary.quantiles["p50"] == pytest.approx(scores[149], rel=0.02)


def test_the_first_bad_row_ends_a_run_that_has_no_quarantine(tmp_path, model, big):
    """By its line, and nothing is left behind."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SourceError, match="line 101: wanted 7 cells"):
        ScoreRun(model, [big], str(tmp_path / "out.csv"))()
    assert sorted(tmp_path.iterdir()) == before


def test_too_many_bad_rows_fail_the_run(tmp_path, model, big):
    """The share is of all rows; the rejected rows are kept, and the old output is unchanged."""
    out = tmp_path / "out.csv"
    out.write_text("old")
    options = ScoreOptions(on_bad_row="quarantine", max_rejected=0.005, force=True)
    with pytest.raises(TooManyRejectedError, match="2 of 300 rows"):
        ScoreRun(model, [big], str(out), options)()
    assert out.read_text() == "old"
    assert len(read_rows(str(out) + ".rejected")) == 2
    assert ScoreRun(
        model, [big], str(out), ScoreOptions(on_bad_row="quarantine", max_rejected=0.01, force=True)
    )()


@pytest.mark.parametrize("jobs", [1, 3])
def test_blocks_and_threads_do_not_change_the_output(tmp_path, model, big, small_blocks, jobs):
    """The bytes are the same for all block sizes and numbers of threads."""
    out, other = str(tmp_path / "out.csv"), str(tmp_path / "other.csv")
    ScoreRun(model, [big], out, ScoreOptions(on_bad_row="quarantine", jobs=jobs))()
    score_run.CHECKPOINT_SECONDS = 100.0
    ScoreRun(model, [big], other, ScoreOptions(on_bad_row="quarantine", jobs=2))()
    assert outputs_of(out) == outputs_of(other)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet", "out.jsonl"])
def test_a_run_resumes_where_it_was_interrupted(tmp_path, model, big, small_blocks, name):
    """At any point, twice, and in any format: the output is that of an uninterrupted run, byte for byte."""
    whole, out = str(tmp_path / f"whole.{name}"), str(tmp_path / name)
    uninterrupted = ScoreRun(model, [big], whole, QUARANTINE)()
    options = ScoreOptions(on_bad_row="quarantine", resume=True)
    for after in (15, 20):
        interrupted(ScoreRun(model, [big], out, options), after)
        assert not Path(out).exists()
    resumed = ScoreRun(model, [big], out, options)()
    assert outputs_of(out) == outputs_of(whole)
    assert (resumed.n_rows, resumed.rejected, resumed.quantiles) == (
        uninterrupted.n_rows,
        uninterrupted.rejected,
        uninterrupted.quantiles,
    )
    assert resumed.n_sitting < resumed.n_rows
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet", "out.jsonl"])
@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_run_that_crashes_at_its_end_is_finished_by_resume(tmp_path, model, big, monkeypatch, name, moves):
    """Between any two moves of the end, the next run completes the moves that are missing."""
    whole, out = str(tmp_path / f"whole.{name}"), str(tmp_path / name)
    ScoreRun(model, [big], whole, QUARANTINE)()
    options = ScoreOptions(on_bad_row="quarantine", resume=True)
    with monkeypatch.context() as patched:
        die_at_move(patched, name, moves)
        with pytest.raises(Crash):
            ScoreRun(model, [big], out, options)()
    resumed = ScoreRun(model, [big], out, options)()
    assert outputs_of(out) == outputs_of(whole)
    assert (resumed.n_rows, resumed.n_rejected) == (300, 2)
    assert not list(tmp_path.glob(".*"))


def test_a_resumed_end_replaces_no_file_of_somebody_else(tmp_path, model, big, small_blocks, monkeypatch):
    """It is refused as long as another file is in the place of the output; nothing is lost meanwhile."""
    out, options = tmp_path / "out.csv", ScoreOptions(on_bad_row="quarantine", resume=True)
    with monkeypatch.context() as patched:
        die_at_move(patched, out.name, 1)
        with pytest.raises(Crash):
            ScoreRun(model, [big], str(out), options)()
    out.write_text("theirs")
    with pytest.raises(OutputExistsError):
        ScoreRun(model, [big], str(out), options)()
    assert out.read_text() == "theirs"
    out.unlink()
    ScoreRun(model, [big], str(out), options)()
    assert len(read_rows(out)) == 298


def die_at_move(monkeypatch, name: str, moves: int) -> None:
    """Make a run crash after some of its two files have been moved into place."""
    move, done = os.replace, []

    def dying(source, target) -> None:
        if Path(target).name in (name, f"{name}.rejected"):
            if len(done) == moves:
                raise Crash
            done.append(target)
        move(source, target)
        if len(done) == moves == 2:
            raise Crash

    monkeypatch.setattr(os, "replace", dying)


def test_a_run_of_something_else_is_not_resumed(tmp_path, model, big, small_blocks):
    """Other inputs, options or another model need a new start, which is never implicit."""
    out = str(tmp_path / "out.csv")
    options = ScoreOptions(on_bad_row="quarantine", resume=True)
    interrupted(ScoreRun(model, [big], out, options), 5)
    with pytest.raises(InputError, match="start over without --resume"):
        ScoreRun(model, [big, big], out, options)()
    with pytest.raises(InputError, match="start over without --resume"):
        ScoreRun(model, [big], out, replace(options, tail="gpd"))()


def test_without_resume_nothing_is_left_behind(tmp_path, model, big, small_blocks):
    """A run that cannot be resumed removes its files."""
    before = sorted(tmp_path.iterdir())
    interrupted(ScoreRun(model, [big], str(tmp_path / "out.csv"), QUARANTINE), 5)
    assert sorted(tmp_path.iterdir()) == before


def test_formats_can_be_changed_on_the_way(tmp_path, model, unseen):
    """CSV to Parquet to JSON Lines and back: the same scores, and text stays text."""
    paths = [str(tmp_path / f"step.{suffix}") for suffix in ("parquet", "jsonl", "csv")]
    for number, (source, out) in enumerate(zip([unseen, *paths], paths, strict=False)):
        ScoreRun(model, [source], out, ScoreOptions(prefix="v" * number))()
    rows = read_rows(paths[-1])
    assert [row["code"] for row in rows] == [row["code"] for row in read_rows(unseen)]
    assert all(row["score"] == row["vscore"] == row["vvscore"] for row in rows)
    table = pq.read_table(paths[0])
    assert [str(table.schema.field(name).type) for name in ("code", "amount", "score", "is_anomaly")] == [
        "string", "double", "double", "bool",
    ]  # fmt: skip
    assert json.loads(Path(paths[1]).read_text().splitlines()[7])["code"] == "007"


def test_many_files_become_one(tmp_path, model):
    """Directories, patterns and lists are scored one after the other, in order of their names."""
    directory = tmp_path / "in"
    directory.mkdir()
    for number, name in enumerate(["b.csv.gz", "a.csv"]):
        plain = directory / "plain.csv"
        write_table(plain, COLUMNS, orders(10, seed=number))
        content = plain.read_bytes()
        plain.unlink()
        (directory / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (directory / "notes.txt").write_text("no table")
    one, other = str(tmp_path / "one.csv"), str(tmp_path / "other.csv")
    summary = ScoreRun(model, [str(directory)], one)()
    ScoreRun(model, [f"{directory}/a*", f"{directory}/b*"], other)()
    assert summary.n_rows == len(read_rows(one)) == 20
    assert Path(one).read_bytes() == Path(other).read_bytes()
    wide = write_table(tmp_path / "wide.csv", [*COLUMNS, "more"], [[*row, "x"] for row in orders(3)])
    with pytest.raises(SourceError, match="columns are not those of"):
        ScoreRun(model, [f"{directory}/a.csv", wide], str(tmp_path / "no.csv"))()


def test_urls_are_read_and_written(model, unseen):
    """Any file system that fsspec knows."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/run/in.csv", Path(unseen).read_bytes())
    assert ScoreRun(model, ["memory://run/in.csv"], "memory://run/out.csv.gz")().n_rows == 40
    assert len(gzip.decompress(memory.cat("/run/out.csv.gz")).splitlines()) == 41


def test_a_file_without_rows_is_scored_to_one(tmp_path, model):
    """A header alone gives a header alone, and in Parquet a table with the columns."""
    empty = write_table(tmp_path / "empty.csv", COLUMNS, [])
    for name in ("out.csv", "out.parquet", "out.jsonl"):
        assert ScoreRun(model, [empty], str(tmp_path / name))().n_rows == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        ",".join([*COLUMNS, "score", "p_value", "severity", "is_anomaly", "top_columns"])
    ]
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_an_input_that_vanishes_is_a_failure(tmp_path, model, unseen, small_blocks):
    """It existed when the run began, so its name is not wrong; the old output is unchanged."""
    second, out = tmp_path / "second.csv", tmp_path / "out.csv"
    second.write_bytes(Path(unseen).read_bytes())
    out.write_text("old")
    run = ScoreRun(model, [unseen, str(second)], str(out), ScoreOptions(force=True))
    second.unlink()
    with pytest.raises(LostInputError, match="it existed when the run started"):
        run()
    assert out.read_text() == "old"


def test_what_cannot_be_is_refused_before_the_work(tmp_path, model, unseen):
    """Streams cannot be resumed, and need a file for rejected rows."""
    for inputs, output, options in (
        (["-"], str(tmp_path / "o.csv"), ScoreOptions(resume=True)),
        ([unseen], "-", ScoreOptions(resume=True)),
        ([unseen], "-", ScoreOptions(output_format="parquet")),
        ([unseen], "-", QUARANTINE),
    ):
        with pytest.raises(InputError, match="file|place"):
            ScoreRun(model, inputs, output, options)
    with pytest.raises(UnknownNameError, match="which a rule or --id names"):
        ScoreRun(model, [unseen], str(tmp_path / "o.csv"), observer=Hosts())()


def test_an_observer_receives_every_row_in_order(tmp_path, model, big, small_blocks):
    """With the columns asked for, whatever the output needs."""
    observer, out = Watching(), str(tmp_path / "o.csv")
    summary = ScoreRun(model, [big], out, QUARANTINE, observer=observer)()
    assert observer.seen == [row["code"] for row in read_rows(out)]
    assert observer.n_reasons == summary.n_anomalies


def test_a_report_receives_the_rows_that_an_observer_does_and_cannot_be_resumed(
    tmp_path, model, big, small_blocks
):
    """Its columns are read too."""

    class Colours(Watching):
        columns = ("color", "code")

    observer, report, out = Watching(), Colours(), str(tmp_path / "o.csv")
    ScoreRun(model, [big], out, QUARANTINE, observer=observer, report=report)()
    assert report.seen == observer.seen
    with pytest.raises(InputError, match="--report cannot be resumed"):
        ScoreRun(model, [big], out, ScoreOptions(resume=True, force=True), report=report)


def test_an_observer_is_resumed_with_the_run(tmp_path, model, big, small_blocks):
    """It continues from its state at the last checkpoint: no row is repeated or lost."""
    out, options = str(tmp_path / "o.csv"), ScoreOptions(on_bad_row="quarantine", resume=True)
    interrupted(ScoreRun(model, [big], out, options, observer=Watching()), 9)
    observer = Watching()
    ScoreRun(model, [big], out, options, observer=observer)()
    assert observer.seen == [row["code"] for row in read_rows(out)]


@pytest.mark.slow
def test_a_killed_process_can_be_resumed(tmp_path, model, monkeypatch, run):
    """kill -9 at a random moment: the output is byte for byte that of an uninterrupted run."""
    table = write_table(tmp_path / "in.csv", COLUMNS, orders(3000))
    small_blocks = (
        "from anomaly_vae_pipelines.runs import score as score_run;"
        "from anomaly_vae_pipelines.sources import delimited;"
        "score_run.CHECKPOINT_SECONDS = 0.0;"
        "delimited.DelimitedSource.__init__.__kwdefaults__['block_bytes'] = 1 << 14"
    )

    def arguments(name: str) -> list[str]:
        options = ["-o", str(tmp_path / name), "--resume", "--force", "--quiet"]
        return ["score", model, *[table] * 5, *options]

    main = f"{small_blocks}; from anomaly_vae_pipelines.cli.main import main; main()"
    command = [command_line()[0], "-c", main, *arguments("out.csv.gz")]
    assert killed_at_random(command, tmp_path / ".out.csv.gz.lock")
    monkeypatch.setattr(score_run, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setitem(DelimitedSource.__init__.__kwdefaults__, "block_bytes", 1 << 14)
    for name in ("whole.csv.gz", "out.csv.gz"):
        assert run(*arguments(name)).code == 0
    assert (tmp_path / "out.csv.gz").read_bytes() == (tmp_path / "whole.csv.gz").read_bytes()
    assert not list(tmp_path.glob(".*"))


def killed_at_random(command: list[str], journal: Path) -> bool:
    """Whether a process was killed at a random moment after a record of its own."""
    before = journal.stat().st_mtime_ns if journal.exists() else 0
    process = subprocess.Popen(command, env=process_environment())
    while process.poll() is None and not (journal.exists() and journal.stat().st_mtime_ns > before):
        time.sleep(0.005)
    time.sleep(random.uniform(0.0, 0.05))
    was_running = process.poll() is None
    process.kill()
    process.wait()
    return was_running


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_words_of_a_csv_stay_in_every_format(tmp_path, model, name):
    """Unused NA, null and None are text, an empty cell is null, and columns of text the model reads too."""
    words = ["NA", "null", "None", "", "x"]
    rows = [[*row, word] for row, word in zip(orders(5), words, strict=True)]
    rows[1][3] = "NA"
    source, out = write_table(tmp_path / "in.csv", [*COLUMNS, "more"], rows), tmp_path / name
    ScoreRun(model, [source], str(out))()
    if name == "out.csv":
        written = [(row["more"], row["color"]) for row in read_rows(out)]
        assert written == [(row[-1], row[3]) for row in rows]
        return
    table = (
        pq.read_table(out).to_pylist()
        if name == "out.parquet"
        else map(json.loads, out.read_text().splitlines())
    )
    written = [(row["more"], row["color"]) for row in table]
    assert written == [(row[-1] or None, row[3]) for row in rows]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl"])
def test_half_a_surrogate_pair_in_an_unused_field_is_no_failure(tmp_path, model, name):
    """In any output format every row is scored."""
    source, out = tmp_path / "in.jsonl", tmp_path / name
    rows = [dict(zip(COLUMNS, row, strict=True)) | {"extra": "\ud800"} for row in orders(4)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ScoreRun(model, [str(source)], str(out))().n_scored == 4
    text = {"out.csv": b"\\ud800", "out.jsonl": b'"\\ud800"', "out.parquet": b"\\ud800"}[name]
    assert text in out.read_bytes()


def test_an_empty_file_before_another_does_not_change_its_types(tmp_path, model, unseen):
    """Numbers stay numbers."""
    empty = write_table(tmp_path / "empty.csv", COLUMNS, [])
    out = tmp_path / "out.parquet"
    ScoreRun(model, [empty, unseen], str(out))()
    assert str(pq.read_table(out).schema.field("amount").type) == "double"

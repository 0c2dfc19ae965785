"""A directory of results, one part per input, whatever happens to the workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import NOTHING
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError, TooManyRejectedError
from anomaly_vae_pipelines.runs.parts import PartsRun, score_part
from anomaly_vae_pipelines.runs.score import score_files
from anomaly_vae_pipelines.scoring.model_files import open_content
from anomaly_vae_pipelines.scoring.options import ScoreOptions
from anomaly_vae_pipelines.sinks.lock import Lock
from tests.anomaly_vae_pipelines.conftest import COLUMNS, orders, write_table


class DeadWorkerError(Exception):
    """Ends a run in the middle."""


class Here:
    """An engine with one worker, this process, which dies after some parts."""

    def __init__(self, n_parts: int | None = None) -> None:
        self.n_parts, self.sources = n_parts, []

    def __call__(self, function, content, parts, options, given):
        for part in reversed(list(parts)):  # results come in any order
            if len(self.sources) == self.n_parts:
                Path(part.output).write_bytes(b"half a ro")
                raise DeadWorkerError
            self.sources.append(Path(part.source).name)
            yield function(content, part, options, given)


@pytest.fixture(scope="module")
def content(model) -> bytes:
    return Path(model).read_bytes()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> str:
    """Three files, of which one has a row that cannot be read."""
    folder = tmp_path_factory.mktemp("inputs")
    for number in range(3):
        rows = orders(30 + number, seed=number)
        if number == 1:
            rows[7][2] = "many"
        write_table(folder / f"{number}.csv", COLUMNS, rows)
    return str(folder)


def run(content, inputs, output, engine=None, given=NOTHING, **options):
    options = ScoreOptions(on_bad_row="quarantine", **options)
    return PartsRun(open_content(content, given), content, [inputs], str(output), options, engine or Here())()


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def test_parts_have_the_rows_of_single_runs_and_the_account_is_of_all(content, model, inputs, tmp_path):
    """Rows in are rows scored and rows rejected."""
    summary = run(content, inputs, tmp_path / "out")
    assert (summary.n_rows, summary.n_scored, summary.n_rejected) == (93, 92, 1)
    assert summary.rejected == {"number": 1}
    assert b"many" in (tmp_path / "out" / "_rejected" / "part-00001.csv").read_bytes()
    written = results(tmp_path / "out")
    assert [name for name in written if name.endswith(".csv")] == [f"part-0000{i}.csv" for i in range(3)]
    options = ScoreOptions(on_bad_row="quarantine")
    whole = score_files(model, [inputs], str(tmp_path / "whole.csv"), options)
    lines = (tmp_path / "whole.csv").read_bytes().splitlines()
    parts = [written[f"part-0000{i}.csv"].splitlines() for i in range(3)]
    assert [part[0] for part in parts] == [lines[0]] * 3
    assert [line for part in parts for line in part[1:]] == lines[1:]
    assert summary.quantiles == whole.quantiles
    stored = json.loads((tmp_path / "out" / "_summary.json").read_text())
    assert (stored["n_rows"], stored["n_anomalies"]) == (93, whole.n_anomalies)


def test_an_interrupted_run_is_resumed_without_the_parts_that_are_finished(content, inputs, tmp_path):
    """And ends with the same files as a run without interruption."""
    with pytest.raises(DeadWorkerError):
        run(content, inputs, tmp_path / "out", Here(1))
    with pytest.raises(OutputExistsError):
        run(content, inputs, tmp_path / "out")
    engine = Here()
    summary = run(content, inputs, tmp_path / "out", engine, resume=True)
    assert engine.sources == ["1.csv", "0.csv"]
    assert summary.n_rows == 93
    run(content, inputs, tmp_path / "at_once")
    assert results(tmp_path / "out") == results(tmp_path / "at_once")


def test_a_run_is_resumed_only_as_the_same_job(content, inputs, tmp_path):
    """Other options would mix two kinds of results."""
    run(content, inputs, tmp_path / "out")
    with pytest.raises(InputError, match="results of another model, inputs or options"):
        run(content, inputs, tmp_path / "out", resume=True, explain="all")
    engine = Here()
    assert run(content, inputs, tmp_path / "out", engine, resume=True).n_rows == 93
    assert engine.sources == []


def test_only_a_directory_of_this_command_is_replaced(content, inputs, tmp_path):
    """A directory of the user's own files stays as it is."""
    out = tmp_path / "out"
    run(content, inputs, out)
    assert run(content, inputs, out, force=True, explain="none").n_rows == 93
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputError, match="holds files that this command did not write"):
        run(content, inputs, tmp_path / "own", force=True)
    with pytest.raises(InputError, match=r"thesis\.txt: is a file; wanted a directory"):
        run(content, inputs, tmp_path / "own" / "thesis.txt")
    assert (tmp_path / "own" / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("output", ["-", "s3://bucket/out"])
def test_an_output_that_workers_cannot_share_is_refused(content, inputs, output):
    """Before anything is scored."""
    with pytest.raises(InputError, match="wanted a directory that all workers can write to"):
        run(content, inputs, output)


def test_the_limit_of_rejected_rows_is_that_of_all_parts(content, inputs, tmp_path):
    """One in 93 is more than one in 100, though two parts have none."""
    with pytest.raises(TooManyRejectedError, match="1 of 93 rows"):
        run(content, inputs, tmp_path / "out", max_rejected=0.01)
    assert run(content, inputs, tmp_path / "out", max_rejected=0.02, resume=True).n_rejected == 1


def test_a_part_that_is_scored_twice_is_there_once(content, inputs, tmp_path):
    """An engine may run a part again though the first worker lives."""

    class Twice(Here):
        def __call__(self, function, content, parts, options, given):
            for part in parts:
                function(content, part, options, given)
                yield score_part(content, part, options, given)

    assert run(content, inputs, tmp_path / "out", Twice()).n_rows == 93
    assert (
        sum(
            len(text.splitlines()) - 1
            for name, text in results(tmp_path / "out").items()
            if name.endswith("csv")
        )
        == 92
    )


def test_a_part_that_another_worker_still_holds_is_scored(content, inputs, tmp_path):
    """An engine may start a part again before the worker that it gave up has ended."""

    def engine(function, content, parts, options, given):
        for part in parts:
            lock = Lock(Path(part.output), part.output)
            lock.acquire()
            first = function(content, part, options, given)
            assert function(content, part, options, given) == first
            lock.release()
            yield first

    assert run(content, inputs, tmp_path / "out", engine).n_rows == 93
    run(content, inputs, tmp_path / "at_once")
    assert results(tmp_path / "out") == results(tmp_path / "at_once")
    assert [path.name for path in sorted((tmp_path / "out" / "_job").iterdir())] == [
        "job.json",
        *(f"part-0000{i}.json" for i in range(3)),
    ]


def test_a_worker_of_a_run_that_was_replaced_changes_nothing(content, inputs, tmp_path):
    """Its driver was killed, and another run with other options writes to the same directory."""
    late = []

    def engine(function, content, parts, options, given):
        late.extend((function, content, part, options, given) for part in parts)
        raise DeadWorkerError

    with pytest.raises(DeadWorkerError):
        run(content, inputs, tmp_path / "out", engine)
    run(content, inputs, tmp_path / "out", force=True, explain="none")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for function, *arguments in late:
        with pytest.raises(SinkError, match="cannot be written"):
            function(*arguments)
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before

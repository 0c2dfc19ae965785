"""PartsRun: scores each input to a file of its own in one directory, so that workers can share the inputs.

A part is a ScoreRun of one input. It is finished once its counts are in ``_job``; a worker that dies before
that leaves nothing that a later run would take for a result. Two workers may score one part at the same time,
as an engine may start a part again before its first worker has ended: each attempt has a directory of its
own in the workspace of the run, from which its files are moved into place.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import Given
from anomaly_vae_pipelines.errors import OutputExistsError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.durable import atomic_write, make_directory, move, write_errors
from anomaly_vae_pipelines.io.files import digest, is_url
from anomaly_vae_pipelines.records import ScoreSummary
from anomaly_vae_pipelines.runs.score import ScoreRun
from anomaly_vae_pipelines.runs.stats import RunStats
from anomaly_vae_pipelines.runs.summary import summary_text
from anomaly_vae_pipelines.scoring.model_files import OpenedModel, open_content
from anomaly_vae_pipelines.scoring.options import Progress, ScoreOptions
from anomaly_vae_pipelines.sinks.encoding import ENCODERS

JOB, REJECTED, SUMMARY = "_job", "_rejected", "_summary.json"
"""Names within the directory, which readers of directories of data skip because of the underscore."""


_MODELS: dict[tuple[str, str], OpenedModel] = {}


@dataclass(frozen=True)
class Part:
    """An input, the file of its scored rows, the file of its counts, and a directory for attempts.

    All workers can reach them.
    """

    source: str
    output: str
    counts: str
    workspace: str


class Engine(Protocol):
    """Calls a function of every part on some workers; yields the results as they come, in any order."""

    def __call__(
        self,
        function: Callable[[bytes, Part, ScoreOptions, Given], Any],
        content: bytes,
        parts: Iterable[Part],
        options: ScoreOptions,
        given: Given,
    ) -> Iterator[Any]:
        """``content`` is that of the model file. A part whose worker died is given to another."""


class PartsRun:
    """Scores files with one part per file, on the workers of an engine.

    Parameters
    ----------
    opened : OpenedModel
    content : bytes
        Its file.
    inputs : sequence of str
        Files, directories, patterns and URLs, which every worker can read.
    output : str
        A directory, which every worker can write to.
    options : ScoreOptions
    engine : Engine
    on_progress : callable, optional
        Called with a Progress after every part.

    Raises
    ------
    InputError
        For an output that is not a directory of an earlier run, and for inputs that cannot be read.
    """

    def __init__(
        self,
        opened: OpenedModel,
        content: bytes,
        inputs: Sequence[str],
        output: str,
        options: ScoreOptions,
        engine: Engine,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._opened, self._content, self._engine = opened, content, engine
        self._output, self._options, self._on_progress = _directory_of(output), options, on_progress
        self._inputs = opened.adapter.inputs(inputs, options.input_format)
        if "-" in self._inputs.names:
            raise InputError("standard input cannot be shared among workers; give files")
        self._scorer = opened.adapter.scorer(explain=options.explain, tail=options.tail)
        self._workspace = self._output / JOB / secrets.token_hex(8)
        self._parts = [self._part(number) for number in range(len(self._inputs.names))]

    def __call__(self) -> ScoreSummary:
        """Score the inputs that have no result yet; returns the summary of all parts."""
        started = time.perf_counter()
        self._prepare()
        finished = [part for part in self._parts if Path(part.counts).exists()]
        stats = RunStats()
        for part in finished:
            stats.merge(RunStats.from_state(json.loads(Path(part.counts).read_text())))
        n_before, n_bytes = stats.n_rows, 0
        waiting = [part for part in self._parts if part not in finished]
        options = replace(self._options, resume=False, force=True, jobs=1, max_rejected=1.0)
        states = self._engine(score_part, self._content, waiting, options, self._opened.given)
        for state in states if waiting else ():
            stats.merge(RunStats.from_state(state["counts"]))
            n_bytes += state["n_bytes"]
            if self._on_progress is not None:
                self._on_progress(Progress(stats.n_rows, stats.n_anomalies, n_bytes, None))
        shutil.rmtree(self._workspace, ignore_errors=True)
        summary = stats.summary(
            output=str(self._output),
            inputs=self._inputs.names,
            model_id=self._opened.model_id,
            rejected_to=str(self._output / REJECTED) if stats.n_rejected else None,
            threshold=self._scorer.offset,
            tail=self._options.tail,
            seconds=time.perf_counter() - started,
            n_sitting=stats.n_rows - n_before,
        )
        stats.check_rejected(self._options.max_rejected, summary.rejected_to)
        atomic_write(self._output / SUMMARY, summary_text(summary))
        return summary

    def _part(self, number: int) -> Part:
        suffix = self._options.output_format or self._inputs.format(number)
        if suffix not in ENCODERS:
            raise InputError(
                f"{self._inputs.names[number]}: {suffix} is only read; choose the format of the results with "
                f"--output-format csv, jsonl or parquet"
            )
        name = f"part-{number:05d}"
        counts = self._output / JOB / f"{name}.json"
        output = self._output / f"{name}.{suffix}"
        return Part(self._inputs.names[number], str(output), str(counts), str(self._workspace))

    def _prepare(self) -> None:
        """Create the directory, or check that it is one of an interrupted run of the same job."""
        job = self._output / JOB / "job.json"
        wanted = json.dumps(self._job(), indent=2) + "\n"
        if self._options.resume and job.exists():
            if job.read_text() != wanted:
                raise InputError(
                    f"{self._output}: holds results of another model, inputs or options; resume with those, "
                    f"or score to another directory"
                )
            for folder in filter(Path.is_dir, (self._output / JOB).iterdir()):  # of attempts that were ended
                shutil.rmtree(folder, ignore_errors=True)
            make_directory(self._workspace)
            return
        if self._output.exists() and any(self._output.iterdir()):
            if not self._options.force:
                raise OutputExistsError(str(self._output))
            if not job.exists():
                raise InputError(
                    f"{self._output}: holds files that this command did not write; give another directory"
                )
            shutil.rmtree(self._output)
        for folder in (self._workspace, self._output / REJECTED):
            make_directory(folder)
        atomic_write(job, wanted)

    def _job(self) -> dict[str, Any]:
        """Everything that must be the same for a run to be resumed."""
        changeable = ("force", "resume", "jobs", "max_rejected")
        options = {name: value for name, value in asdict(self._options).items() if name not in changeable}
        return {
            "model": self._opened.model_id,
            "files": self._inputs.identity(),
            "options": options,
            "given": repr(self._opened.given),
        }


def score_part(content: bytes, part: Part, options: ScoreOptions, given: Given) -> dict[str, Any]:
    """Score an input and write its rows, then its counts; called by a worker.

    Returns the counts of the part and the size of its input in bytes. Raises SinkError if a later run has
    replaced the directory of results.
    """
    output, counts = Path(part.output), Path(part.counts)
    with _attempt(Path(part.workspace)) as folder:
        scored, rejected = folder / output.name, folder / f"{output.stem}.rejected"
        if options.on_bad_row == "quarantine":
            options = replace(options, rejected_to=str(rejected))
        run = ScoreRun(_opened(content, given), [part.source], str(scored), options)
        run()
        state = run.stats.get_state()
        atomic_write(folder / counts.name, json.dumps(state))
        if rejected.exists():
            move(rejected, output.parent / REJECTED / f"{output.stem}.csv")
        move(scored, output)
        system.sync_directory(output.parent)
        move(folder / counts.name, counts)
    return {"counts": state, "n_bytes": sum(size or 0 for size in run.inputs.sizes)}


@contextmanager
def _attempt(workspace: Path) -> Iterator[Path]:
    """Create a directory for the files of an attempt, and remove it after the block."""
    folder = workspace / secrets.token_hex(8)
    with write_errors(folder):
        system.calls.mkdir(folder)  # not its parents: they are missing if a later run has replaced them
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(content: bytes, given: Given) -> OpenedModel:
    """Return the model, which each worker opens once."""
    key = digest(content), repr(given)
    if key not in _MODELS:
        _MODELS.clear()
        _MODELS[key] = open_content(content, given)
    return _MODELS[key]


def _directory_of(output: str) -> Path:
    if output == "-" or is_url(output):
        raise InputError(
            f"{output}: wanted a directory that all workers can write to; for a URL, score a dataset with "
            f"anomaly_vae_pipelines.engines.ray.score and write that"
        )
    path = Path(output)
    if path.exists() and not path.is_dir():
        raise InputError(f"{output}: is a file; wanted a directory, which will hold one file per input")
    return path

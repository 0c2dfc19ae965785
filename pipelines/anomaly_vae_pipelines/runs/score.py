"""ScoreRun: scores files and writes each row either to the output or to the rejected rows.

One thread splits the inputs into blocks and writes the results in order; other threads, one per core, parse,
score and encode the blocks. Memory holds only the blocks in progress. A crash loses at most two seconds of
work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.dialects.dialect import PLAIN, Dialect
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.files import expand_folders, is_special, is_url
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.records import ScoredRows, ScoreSummary, no_scores
from anomaly_vae_pipelines.runs.memory import keep_freed_memory
from anomaly_vae_pipelines.runs.stats import RunStats
from anomaly_vae_pipelines.runs.summary import summary_path
from anomaly_vae_pipelines.runs.worst import WorstRows
from anomaly_vae_pipelines.scoring.adapters import refuse_inside, refuse_pictures_over
from anomaly_vae_pipelines.scoring.blocks import ScoredBlock, all_scored, columns_to_read, score_blocks
from anomaly_vae_pipelines.scoring.model_files import OpenedModel, open_model
from anomaly_vae_pipelines.scoring.options import Observer, Progress, RowObserver, ScoreOptions
from anomaly_vae_pipelines.scoring.tables import reason_texts
from anomaly_vae_pipelines.sinks.encoding import ENCODERS, CsvEncoder, check_no_clash
from anomaly_vae_pipelines.sinks.journal import Record
from anomaly_vae_pipelines.sinks.rejected import HEADER as REJECTED_HEADER
from anomaly_vae_pipelines.sinks.rejected import encode_rejected
from anomaly_vae_pipelines.sinks.run_files import RunFiles
from anomaly_vae_pipelines.sources import Source, SourcePosition, format_of, no_rows
from anomaly_vae_pipelines.sources.selection import require_columns

CHECKPOINT_SECONDS = 2.0
"""Time between two checkpoints: the most work that a crash can lose."""


class EncodedBlock(NamedTuple):
    """A scored block, and its rows and rejected rows as they will be written."""

    block: ScoredBlock
    encoded: Any
    rejected_lines: bytes


class ScoreRun:
    """A scoring run, which can be called once.

    Parameters
    ----------
    model : str or OpenedModel
        The model file, or the result of ``open_model``.
    output : str
        File or URL for the scored rows; ``-`` is standard output.
    inputs : sequence of str
        Files, directories, patterns, URLs; ``-`` is standard input. All have the same columns. For an image
        model: folders, image files, arrays and patterns.
    options : ScoreOptions
    on_progress : callable, optional
        Called with a Progress after every block.
    observer : Observer, optional
        Receives the rows of every block in order; their reasons have observed and expected values.
    report : RowObserver, optional
        Also receives them. Its state is not saved, so that the run cannot be resumed.
    offset : float, optional
        Replaces the threshold of the model, in nats.
    on_finished : callable, optional
        Called with the ScoreSummary once all output files are in place. A run that is interrupted before it
        returns can still be resumed, and then calls it again.

    Raises
    ------
    InputError
        For files, columns and cells that cannot be used.
    SinkError
        If the output cannot be written.
    """

    def __init__(
        self,
        model: str | OpenedModel,
        inputs: Sequence[str],
        output: str,
        options: ScoreOptions | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        observer: Observer | None = None,
        report: RowObserver | None = None,
        offset: float | None = None,
        on_finished: Callable[[ScoreSummary], object] | None = None,
    ) -> None:
        self.options = options or ScoreOptions()
        self.output_path, self.observer, self._report = output, observer, report
        self.format = format_of(output, self.options.output_format)
        if self.format not in ENCODERS:
            raise InputError(
                f"{output}: {self.format} is only read; wanted a name that ends in .csv, .jsonl or .parquet"
            )
        quarantines = self.options.on_bad_row == "quarantine"
        self._rejected_path = (self.options.rejected_to or f"{output}.rejected") if quarantines else None
        self._check_output()
        path = model if isinstance(model, str) else model.path
        check_no_overwriting(self._outputs(), [path, *expand_folders(inputs)])
        if self.options.heatmaps is not None:
            refuse_inside(self.options.heatmaps, inputs)
        self.files = RunFiles(
            output, self.format, self._rejected_path, force=self.options.force, resume=self.options.resume
        )
        opened = open_model(model) if isinstance(model, str) else model
        self.model_id = opened.model_id
        self.inputs = opened.adapter.inputs(inputs, self.options.input_format)
        check_no_overwriting(self._outputs(), self.inputs.paths())
        if self.options.heatmaps is not None:
            refuse_pictures_over(self.options.heatmaps, self.inputs)
        if self.options.resume and "-" in self.inputs.names:
            raise InputError("standard input cannot be resumed; --resume needs files as inputs")
        if self.options.resume and report is not None:
            raise InputError("a run with --report cannot be resumed; leave out one of --report and --resume")
        self.scorer = opened.adapter.scorer(
            explain=self.options.explain,
            expected=observer is not None,
            offset=offset,
            tail=self.options.tail,
            heatmaps=self.options.heatmaps,
            force=self.options.force or self.options.resume,
            reference=None if observer is None else observer.calibration_rows,
        )
        self.encoder = ENCODERS[self.format](self.options.prefix)
        self.stats, self._on_progress, self._on_finished = RunStats(), on_progress, on_finished
        self._worst = WorstRows(with_source=len(self.inputs.names) > 1)
        self._columns: tuple[str, ...] = ()
        self._style: tuple[str, str] | None = None

    def __call__(self) -> ScoreSummary:
        """Score the files and return the summary of the run."""
        started, self._saved = time.perf_counter(), time.monotonic()
        keep_freed_memory()
        self.files.acquire()
        record = self._restored()
        n_before = self.stats.n_rows
        try:
            self._publish(record if record is not None and self.files.is_complete else self._scored(record))
            summary = self._summary(time.perf_counter() - started, self.stats.n_rows - n_before)
            self.stats.warn_of_unseen()
            if self._on_finished is not None:
                self._on_finished(summary)
        except BaseException as error:  # also a signal: a later run can resume from the last checkpoint
            self.files.abort(error)
            raise
        self.files.finish()
        return summary

    def _scored(self, record: Record | None) -> Record:
        """Score the rows after the last checkpoint; returns the record of the sealed files."""
        first, start = (0, None) if record is None else (record["file"], SourcePosition(*record["place"]))
        for number in range(first, len(self.inputs.names)):
            self._score_file(number, start)
            start = None
        return self.files.complete(self._fingerprint(), self._state())

    def _score_file(self, number: int, start: SourcePosition | None) -> None:
        with self.inputs.open(number) as source:
            self._check_columns(source, is_first=number == 0)
            self._write_like(source, number)
            if number == 0 and start is None:
                self._write_header(source)
            # The output then needs the columns of the input instead of the bytes of its rows.
            whole = self.format == "parquet" or self.inputs.format(number) != self.format
            blocks = score_blocks(
                self.scorer,
                source,
                self._encoded,
                columns=self._observed,
                start=start,
                whole=whole,
                jobs=self.options.jobs,
            )
            for block in blocks:
                self._write(block, number)
            if self.format == "parquet" and not self.stats.n_rows:
                wanted = columns_to_read(self.scorer, source, self._observed)
                rows = no_rows(source, wanted, self.scorer.numeric, whole=whole)
                self.files.output.write(self._encode(no_scores(rows)))

    def _write_like(self, source: Source, number: int) -> None:
        """Write CSV with the separator and the decimal mark of the inputs, which must be the same in all."""
        if self.format != "csv" or self.inputs.format(number) != "csv":
            return
        dialect: Dialect = getattr(source, "dialect", PLAIN)
        style = dialect.parsed_separator, dialect.decimal
        if self._style not in (None, style):
            raise SourceError(
                source.name, None, "has another separator or decimal mark than the input before it, and OUT "
                "has one; score it by itself, or write OUT as .jsonl or .parquet"
            )  # fmt: skip
        self._style = style
        self.encoder = CsvEncoder(self.options.prefix, *style)

    def _encoded(self, block: ScoredBlock) -> EncodedBlock:
        """Encode a scored block for the output; runs on any thread."""
        compressed = self.files.output.compress(self._encode(block.scored))
        return EncodedBlock(block, compressed, encode_rejected(block.rejected))

    def _encode(self, scored: ScoredRows) -> Any:
        return self.encoder.encode(scored, reason_texts(scored))

    def _write(self, encoded: EncodedBlock, number: int) -> None:
        """Write a block and count its rows; blocks arrive in the order of the file."""
        block, scored, rejected = encoded.block
        if rejected:
            if self.options.on_bad_row == "error":
                all_scored(encoded.block)
            self.files.write_rejected(encoded.rejected_lines, REJECTED_HEADER)
        self.files.output.write(encoded.encoded)
        self.stats.add(scored, rejected)
        if self.observer is not None:
            self.observer.observe(scored)
        if self._report is not None:
            self._report.observe(scored)
        if self._on_progress is not None:
            self._worst.add(scored)
            self._on_progress(self._progress(number, block.n_bytes))
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._checkpoint(number, block.end)

    def _checkpoint(self, number: int, position: SourcePosition) -> None:
        """Save all work done so far to disk."""
        self._saved = time.monotonic()
        where = {"file": number, "place": [position.offset, position.line]}
        self.files.checkpoint(self._fingerprint(), where | self._state())

    def _state(self) -> Record:
        """Return the state of counts and observer; "tally" is the key of the counts in the journal format."""
        observed = self.observer.get_state() if self.observer is not None else None
        return {"tally": self.stats.get_state(), "observer": observed}

    def _restored(self) -> Record | None:
        """Restore the state of an interrupted run if it is to be resumed; on failure its files are kept."""
        try:
            record = self.files.restore(self._fingerprint())
            if record is not None:
                self.stats = RunStats.from_state(record["tally"])
                if self.observer is not None:
                    self.observer.set_state(record["observer"])
        except BaseException:
            self.files.release()
            raise
        return record

    def _publish(self, record: Record) -> None:
        """Move the sealed files to their final names; raises TooManyRejectedError."""
        self.files.publish_rejected(record)
        self.stats.check_rejected(self.options.max_rejected, self._rejected_path)
        self.files.publish_output(record)

    def _check_output(self) -> None:
        is_stream = self.output_path == "-" or is_special(Path(self.output_path))
        if self.options.resume and (is_stream or is_url(self.output_path)):
            raise InputError(f"{self.output_path}: cannot be resumed; --resume needs a local file as output")
        if is_stream and self.options.on_bad_row == "quarantine" and self.options.rejected_to is None:
            raise InputError("rejected rows need a file: give --rejected FILE, or a file as output")
        if self.format == "parquet" and self.output_path == "-":
            raise InputError("Parquet cannot be written to standard output; give a file")

    def _check_columns(self, source: Source, *, is_first: bool) -> None:
        """Raise InputError if columns are missing, differ between files, or clash with result columns."""
        require_columns(self.scorer.names, source, ", which the model was fitted on")
        for observer, names in (
            (self.observer, "which a rule or --id names"),
            (self._report, "of the report"),
        ):
            require_columns(() if observer is None else observer.columns, source, f", {names}")
        check_no_clash(source.name, source.columns, self.options.prefix)
        if is_first or not self._columns:
            self._columns = source.columns
        elif self.format == "csv" and source.columns != self._columns:
            raise SourceError(
                source.name, None, f"its columns are not those of {self.inputs.names[0]}; score it separately"
            )

    def _write_header(self, source: Source) -> None:
        """Write what precedes the first row."""
        raw_header = source.header if self.format == "csv" else b""
        if header := self.encoder.header(source.columns, raw_header):
            self.files.output.write(self.files.output.compress(header))

    @property
    def _observed(self) -> tuple[str, ...]:
        """Columns of the observers, each once."""
        observers = [one for one in (self.observer, self._report) if one is not None]
        return tuple(dict.fromkeys(name for one in observers for name in one.columns))

    def _outputs(self) -> dict[str, str | None]:
        """Return the files that the run writes, by option or description."""
        return {
            "-o": self.output_path,
            "--rejected" if self.options.rejected_to else "rejected rows to": self._rejected_path,
            "summary to": summary_path(self.output_path),
        }

    def _fingerprint(self) -> dict[str, Any]:
        """Return everything that must be the same for a run to be resumed."""
        kept = ("explain", "heatmaps", "prefix", "input_format", "output_format", "tail", "on_bad_row")
        return {
            "model": self.model_id,
            "offset": self.scorer.offset,
            "observed": self.observer is not None,
            "files": self.inputs.identity(),
            "results": list(self.encoder.names),
            "options": {name: getattr(self.options, name) for name in kept},
        }

    def _progress(self, number: int, n_bytes: int) -> Progress:
        known = [size for size in self.inputs.sizes if size is not None]
        total = sum(known) if len(known) == len(self.inputs.sizes) else None
        stats, n_done = self.stats, sum(known[:number]) + n_bytes
        return Progress(stats.n_rows, stats.n_anomalies, n_done, total, self._worst.rows)

    def _summary(self, seconds: float, n_since_start: int) -> ScoreSummary:
        return self.stats.summary(
            output=self.output_path,
            inputs=self.inputs.names,
            model_id=self.model_id,
            rejected_to=self._rejected_path if self.stats.n_rejected else None,
            threshold=self.scorer.offset,
            tail=self.options.tail,
            seconds=seconds,
            n_sitting=n_since_start,
        )


def score_files(
    model: str, inputs: Sequence[str], output: str, options: ScoreOptions | None = None
) -> ScoreSummary:
    """Score files with a model file and write the scored rows; see ScoreRun for arguments and errors."""
    return ScoreRun(model, inputs, output, options)()

"""ScoreRun: files in, scored rows out, every row accounted for, and a crash costs only what was not marked.

Blocks are cut and pieces written in order by one thread; reading, scoring and encoding them is done by
as many others as there are cores. Nothing is held but the few blocks in flight.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anomaly_vae.errors import InputError
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.persistence import load
from pipelines.errors import SourceError, TooManyRejectedError
from pipelines.files import expand_folders, is_special, is_url
from pipelines.memory import keep_freed_memory
from pipelines.overwriting import refuse_overwriting
from pipelines.parallel import in_order
from pipelines.reading import make_scorer, open_inputs, refuse_inside, refuse_pictures_over
from pipelines.records import Rejected, Rows, ScoredRows, ScoreSummary
from pipelines.score_terms import Observer, Progress, ScoreOptions
from pipelines.scoring import reason_texts
from pipelines.selection import require_columns
from pipelines.sinks.encoding import ENCODERS, refuse_clash
from pipelines.sinks.rejected import HEADER as REJECTED_HEADER
from pipelines.sinks.rejected import encode_rejected
from pipelines.sinks.staged import DirectOutput, Journal, StagedFile, StagedParquet, make_output
from pipelines.sources import Block, Place, Source, format_of, no_rows
from pipelines.tally import Tally

MARK_SECONDS = 2.0
"""Time between two marks, which is the most work that a crash costs."""

QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


class Piece(NamedTuple):
    """One block, done."""

    encoded: Any
    scored: ScoredRows
    rejected: list[Rejected]
    rejected_lines: bytes
    block: Block


class ScoreRun:
    """One run; call it once.

    Parameters
    ----------
    model, output : str
        The model file, and where the scored rows go; ``-`` is standard output.
    inputs : sequence of str
        Files, directories, patterns, URLs; ``-`` is standard input. All have the same columns. Of a model
        of images: folders, image files, arrays and patterns.
    options : ScoreOptions
    on_progress : callable, optional
        Told a Progress after every block.
    observer : Observer, optional
        Shown the rows of every block, in order, with what was observed and expected.
    offset : float, optional
        A threshold other than the model's, in nats.

    Raises
    ------
    InputError
        For files, columns and cells that cannot be used.
    SinkError
        Where the output cannot be written.
    """

    def __init__(
        self,
        model: str,
        inputs: Sequence[str],
        output: str,
        options: ScoreOptions | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        observer: Observer | None = None,
        offset: float | None = None,
    ) -> None:
        self.options = options or ScoreOptions()
        self.output_path, self.observer = output, observer
        self.format = format_of(output, self.options.output_format)
        self._check_output()
        refuse_overwriting(self._outputs(), [model, *expand_folders(inputs)])
        if self.options.heatmaps is not None:
            refuse_inside(self.options.heatmaps, inputs)
        self.output = make_output(output, self.format, force=self.options.force)
        self.rejected = self._rejected_output()
        self.model_id = _digest(model)
        fitted = load(model)
        self.inputs = open_inputs(fitted, inputs, self.options.input_format)
        refuse_overwriting(self._outputs(), self.inputs.paths())
        if self.options.heatmaps is not None:
            refuse_pictures_over(self.options.heatmaps, self.inputs)
        if self.options.resume and "-" in self.inputs.names:
            raise InputError("standard input cannot be gone on with; --resume needs the name of a file")
        self.scorer = make_scorer(
            fitted,
            explain=self.options.explain,
            expected=observer is not None,
            offset=offset,
            heatmaps=self.options.heatmaps,
            force=self.options.force or self.options.resume,
        )
        self.encoder = ENCODERS[self.format](self.options.prefix)
        self.journal = (
            Journal(self.output.target) if isinstance(self.output, StagedFile | StagedParquet) else None
        )
        self.tally, self._on_progress = Tally(), on_progress
        self._columns: tuple[str, ...] = ()

    def __call__(self) -> ScoreSummary:
        """Score the files; gives what was done."""
        started, self._marked = time.perf_counter(), time.monotonic()
        keep_freed_memory()
        first, place = self._go_back()
        n_before = self.tally.n_rows
        try:
            for number in range(first, len(self.inputs.names)):
                self._score_file(number, place)
                place = None
            self._finish()
        except BaseException as error:  # a signal too: what is done is kept for whoever asked for it
            self._let_go(keep=self.options.resume and not isinstance(error, InputError))
            raise
        return self._summary(time.perf_counter() - started, self.tally.n_rows - n_before)

    def _score_file(self, number: int, place: Place | None) -> None:
        with self.inputs.open(number) as source:
            self._check_columns(source, is_first=number == 0)
            if number == 0 and place is None:
                self._write_header(source)
            wanted, whole = self._wanted(source), self._takes_whole(self.inputs.format(number))

            def work(block: Block) -> Piece:
                return self._work(source, block, wanted, whole)

            for piece in in_order(work, source.blocks(place), self.options.jobs):
                self._take(piece, number)
            if self.format == "parquet" and not self.tally.n_rows:
                rows = no_rows(source, wanted, self.scorer.numeric, whole=whole)
                self.output.write(self.encoder.encode(_unscored(rows), []))

    def _work(self, source: Source, block: Block, wanted: Sequence[str], whole: bool) -> Piece:
        """Read, score and encode one block; any thread may do this."""
        with one_thread():
            rows, rejected = source.read(block, wanted, self.scorer.numeric, whole=whole)
            scored, unreadable = self.scorer(rows)
        rejected = sorted([*rejected, *unreadable], key=lambda row: row.number)
        encoded = self.output.packed(self.encoder.encode(scored, reason_texts(scored)))
        return Piece(encoded, scored, rejected, encode_rejected(rejected), block)

    def _take(self, piece: Piece, number: int) -> None:
        """Write one block and count it; the order of the blocks is that of the file."""
        if piece.rejected:
            self._refuse(piece)
        self.output.write(piece.encoded)
        self.tally.add(piece.scored, piece.rejected)
        if self.observer is not None:
            self.observer.observe(piece.scored)
        if self._on_progress is not None:
            self._on_progress(self._progress(number, piece.block.n_bytes))
        self._last = number, piece.block.end
        if time.monotonic() - self._marked >= MARK_SECONDS:
            self._mark()

    def _refuse(self, piece: Piece) -> None:
        if self.options.on_bad_row == "error" or self.rejected is None:
            row = piece.rejected[0]
            raise SourceError(row.source, row.line, row.reason)
        if not self.tally.n_rejected:
            self.rejected.write(REJECTED_HEADER)
        self.rejected.write(piece.rejected_lines)

    def _mark(self) -> None:
        """Bring what was done to disk, so that no crash can take it."""
        self._marked = time.monotonic()
        if self.journal is None or not hasattr(self, "_last"):
            return
        number, place = self._last
        self.journal.write(
            {
                "run": self._fingerprint(),
                "file": number,
                "place": [place.offset, place.line],
                "output": self.output.mark(),
                "rejected": self.rejected.mark() if self.rejected and self.tally.n_rejected else None,
                "tally": self.tally.get_state(),
                "observer": self.observer.get_state() if self.observer is not None else None,
            }
        )

    def _go_back(self) -> tuple[int, Place | None]:
        """Where to begin: at the last mark of an earlier run if that is wanted and there is one."""
        state = self.journal.read() if self.journal is not None and self.options.resume else None
        if state is None:
            return 0, None
        if state.get("run") != self._fingerprint():
            raise InputError(
                f"{self.output_path}: the run that was broken off had another model, other inputs or other "
                f"options; start afresh without --resume"
            )
        self.output.go_back(state["output"])
        if self.rejected is not None and state["rejected"] is not None:
            self.rejected.go_back(state["rejected"])
        self.tally = Tally.from_state(state["tally"])
        if self.observer is not None:
            self.observer.set_state(state["observer"])
        return state["file"], Place(*state["place"])

    def _finish(self) -> None:
        share = self.tally.n_rejected / max(self.tally.n_rows, 1)
        if self.tally.n_rejected and self.rejected is not None:
            self.rejected.finish()
        if share > self.options.max_rejected:
            raise TooManyRejectedError(
                f"{self.tally.n_rejected:,} of {self.tally.n_rows:,} rows cannot be read, a share above the "
                f"{self.options.max_rejected:g} of --max-rejected; {self._rejected_path()} holds them"
            )
        self.output.finish()
        if self.journal is not None:
            self.journal.remove()

    def _let_go(self, *, keep: bool) -> None:
        """Leave nothing behind, or what is needed to go on."""
        if keep:
            self._mark()
        self.output.close(keep=keep)
        if self.rejected is not None:
            self.rejected.close(keep=keep)
        if not keep and self.journal is not None:
            self.journal.remove()

    def _check_output(self) -> None:
        if self.options.resume and (self.output_path == "-" or is_url(self.output_path)):
            raise InputError(
                f"{self.output_path}: cannot be gone on with; --resume needs a local file as output"
            )
        if self.format == "parquet" and self.output_path == "-":
            raise InputError("Parquet cannot be written to standard output; give a file")

    def _check_columns(self, source: Source, *, is_first: bool) -> None:
        """Raise InputError where columns are missing, differ between files, or would be hidden."""
        require_columns(self.scorer.names, source, ", which the model was fitted on")
        require_columns(self._observed, source, ", which a rule or --id names")
        refuse_clash(source.name, source.columns, self.options.prefix)
        if is_first or not self._columns:
            self._columns = source.columns
        elif self.format == "csv" and source.columns != self._columns:
            raise SourceError(
                source.name, None, f"its columns are not those of {self.inputs.names[0]}; score it by itself"
            )

    def _wanted(self, source: Source) -> list[str]:
        """Columns to read: those of the model and of the rules, of images their names."""
        needed = [*self.scorer.names, *self._observed]
        return list(dict.fromkeys(needed)) if self.scorer.names else list(source.columns)

    def _takes_whole(self, input_format: str) -> bool:
        """Whether columns are written as the input has them, not the rows' own bytes."""
        return input_format != self.format or self.format == "parquet"

    def _write_header(self, source: Source) -> None:
        """What comes before the first row."""
        raw_header = source.header if self.format == "csv" else b""
        if header := self.encoder.header(source.columns, raw_header):
            self.output.write(self.output.packed(header))

    @property
    def _observed(self) -> tuple[str, ...]:
        return () if self.observer is None else self.observer.columns

    def _outputs(self) -> dict[str, str | None]:
        """Files that the run writes, by what the user calls them."""
        quarantines = self.options.on_bad_row == "quarantine"
        return {
            "-o": self.output_path,
            "--rejected" if self.options.rejected_to else "rejected rows to": self._rejected_path()
            if quarantines
            else None,
            "summary to": summary_path(self.output_path),
        }

    def _rejected_path(self) -> str:
        return self.options.rejected_to or self.output_path + ".rejected"

    def _rejected_output(self) -> StagedFile | None:
        if self.options.on_bad_row != "quarantine":
            return None
        if isinstance(self.output, DirectOutput) and self.options.rejected_to is None:
            raise InputError("rows to quarantine need a place: give --rejected FILE, or a file as output")
        return StagedFile(self._rejected_path(), force=True)

    def _fingerprint(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        kept = ("explain", "heatmaps", "prefix", "input_format", "output_format", "on_bad_row")
        return {
            "model": self.model_id,
            "offset": self.scorer.offset,
            "observed": self.observer is not None,
            "files": self.inputs.identity(),
            "options": {name: getattr(self.options, name) for name in kept},
        }

    def _progress(self, number: int, n_bytes: int) -> Progress:
        known = [size for size in self.inputs.sizes if size is not None]
        total = sum(known) if len(known) == len(self.inputs.sizes) else None
        return Progress(self.tally.n_rows, self.tally.n_anomalies, sum(known[:number]) + n_bytes, total)

    def _summary(self, seconds: float, n_sitting: int) -> ScoreSummary:
        tally = self.tally
        return ScoreSummary(
            output=self.output_path,
            inputs=self.inputs.names,
            model_id=self.model_id,
            n_rows=tally.n_rows,
            n_scored=tally.n_scored,
            n_rejected=tally.n_rejected,
            rejected=dict(tally.rejected),
            rejected_to=self._rejected_path() if tally.n_rejected else None,
            n_anomalies=tally.n_anomalies,
            threshold=self.scorer.offset,
            quantiles={name: tally.scores.quantile(share) for name, share in QUANTILES.items()},
            seconds=seconds,
            n_sitting=n_sitting,
        )


def summary_path(output: str) -> str | None:
    """Where the account of a run goes, beside its output; None where that is not a file."""
    if output == "-" or is_url(output) or is_special(Path(output)):
        return None
    return output + ".summary.json"


def _digest(path: str) -> str:
    """First digits of a file's SHA-256; of a file that cannot be read, nothing: loading it will tell."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def _unscored(rows: Rows) -> ScoredRows:
    """No rows, which tell the columns."""
    none = np.empty(0)
    return ScoredRows(rows, none, none, none.astype(bool), {})

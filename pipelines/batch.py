"""Batch runs: files in, files out, each a composition of a source, stages and a sink.

These are the functions that the commands call; each returns a small frozen record of what it did.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
from sklearn.utils._param_validation import InvalidParameterError

from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load, save
from anomaly_vae.tails import Tail, check_rate
from pipelines.budget import rows_per_day
from pipelines.cells import collect, table_pieces
from pipelines.errors import SourceError, UnknownNameError
from pipelines.evaluation import evaluate
from pipelines.files import replacing
from pipelines.images.model import is_image_model
from pipelines.overwriting import refuse_overwriting
from pipelines.recipes import find_recipe
from pipelines.records import Evaluation, FitSummary, Label, Rows, ScoredRows, Threshold
from pipelines.scoring import Model, Scorer, final_detector
from pipelines.selection import only_normal, require_columns, without
from pipelines.sinks.encoding import csv_lines
from pipelines.sinks.outputs import AnyOutput, make_output
from pipelines.sources import open_source, read_rows

_PIECE_CELLS = 500_000

MIN_ROWS = 2
"""Rows without which there is nothing to learn."""


def fit_file(
    train: str,
    output: str,
    *,
    label: Label | None = None,
    left_out: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    recipe: str = "tabular",
    false_alarm_rate: float | None = None,
    tail: Tail = "empirical",
    force: bool = False,
) -> FitSummary:
    """Fit a detector, or the Pipeline of a recipe, on the rows of a file and save it.

    Parameters
    ----------
    train, output : str
        The file of rows and the model file.
    label : Label, optional
        Learn only from the rows that it calls normal; its column is no feature.
    left_out : sequence of str
        Columns that are no features.
    parameters : mapping, optional
        Parameters of TabularVAEDetector.
    recipe : str
        Name of a pipeline of ``pipelines.recipes``.
    false_alarm_rate : float in (0, 1), optional
        Where the threshold goes; by default where the detector puts it. One that the rows of the file
        cannot keep is refused before the fit takes its time.
    tail : {"empirical", "gpd"}
        What the rate rests on, as in ``TabularVAEDetector.set_threshold``.
    force : bool
        Whether ``output`` may be replaced.

    Raises InputError for files, names and parameters that cannot be used.
    """
    started = time.perf_counter()
    model = make_model(recipe, parameters or {})
    detector = final_detector(model)
    refuse_overwriting({"-o": output}, [train])
    with replacing(output, force=force) as temporary:
        table = _training_table(train, label, left_out)
        with _as_input_error(train):
            if false_alarm_rate is not None:
                _check_rate(detector, len(table), false_alarm_rate, tail)
            model.fit(table)
        if false_alarm_rate is not None:
            detector.set_threshold(false_alarm_rate=false_alarm_rate, tail=tail)
        save(model, temporary)
    return _fit_summary(detector, output, len(table), time.perf_counter() - started)


def evaluate_file(model: str, source: str, label: Label) -> Evaluation:
    """Compare the scores of a file's rows with a label; raises InputError as ``ScoreRun`` does."""
    fitted = load(model)
    if is_image_model(fitted):
        raise InputError(
            f"{model}: was fitted on images, whose folders say which are good; leave out --label and --normal"
        )
    score = Scorer(fitted, explain="none")
    return evaluate(scored_rows(score, source, [label.column]), label, score.detector.offset_)


def scored_rows(score: Scorer, path: str, extra: Sequence[str]) -> Iterator[ScoredRows]:
    """The rows of a file with their scores; raises SourceError at the first that cannot be read."""
    with open_source(path) as source:
        require_columns(score.names, source, ", which the model was fitted on")
        require_columns(extra, source)
        for rows in read_rows(source, [*dict.fromkeys([*score.names, *extra])], score.numeric):
            scored, rejected = score(rows)
            for row in rejected:
                raise SourceError(row.source, row.line, row.reason)
            yield scored


def threshold_file(
    model: str, output: str, *, tail: Tail = "empirical", force: bool = False, **threshold: float | None
) -> Threshold:
    """Save a model with another threshold, given as to ``TabularVAEDetector.set_threshold``."""
    with replacing(output, force=force) as temporary:
        fitted = load(model)
        detector = final_detector(fitted).set_threshold(**threshold, tail=tail)
        save(fitted, temporary)
    return Threshold(output, detector.offset_, detector.false_alarm_rate_, detector.tail_)


def rows_per_day_file(source: str, column: str) -> float:
    """Rows a day of a file, by its column of times; raises InputError where they tell nothing."""
    with open_source(source) as opened:
        require_columns([column], opened)
        return rows_per_day(read_rows(opened, [column]), column)


def sample_file(model: str, output: str, n_rows: int, *, seed: int = 0, force: bool = False) -> int:
    """Write rows drawn from a model, in the columns and units it was fitted on; gives their number.

    Raises InputError for a Pipeline with steps before the detector, which cannot be undone.
    """
    refuse_overwriting({"-o": output}, [model])
    sink = make_output(output, "csv", force=force)
    fitted = load(model)
    if is_image_model(fitted):
        raise InputError(f"{model}: was fitted on images; wanted a folder or an .npy file, got {output}")
    detector = final_detector(fitted)
    if detector is not fitted:
        raise InputError(f"{model}: is a Pipeline, whose steps cannot be undone; sample from its last step")
    table = pd.DataFrame(detector.sample(n_rows, random_state=seed), columns=list(detector.schema_.names))
    return _write(table, sink)


def write_table(table: pd.DataFrame, output: str, *, force: bool = False) -> int:
    """Write a table as CSV, whole or not at all; gives the number of its rows."""
    return _write(table, make_output(output, "csv", force=force))


def read_table(path: str) -> pd.DataFrame:
    """A whole file with columns of numbers, truth values and text; raises SourceError."""
    with open_source(path) as source:
        return collect(read_rows(source))


def make_model(recipe: str, parameters: Mapping[str, Any]) -> Model:
    """An unfitted model; raises UnknownNameError for a recipe, or a parameter, that is not there."""
    known = TabularVAEDetector().get_params()
    for name in parameters:
        if name not in known:
            raise UnknownNameError(f"the detector has no parameter {name!r}", name, known)
    return find_recipe(recipe)(**parameters)


def _training_table(train: str, label: Label | None, left_out: Sequence[str]) -> pd.DataFrame:
    """The rows and columns to learn from; raises InputError where they are too few."""
    labels = [label.column] if label is not None else []
    with open_source(train) as source:
        require_columns([*left_out, *labels], source)
        pieces: Iterable[Rows] = read_rows(source, [*without(source.columns, [*left_out, *labels]), *labels])
        table = collect(only_normal(pieces, label) if label is not None else pieces)
    table = table.drop(columns=labels)
    which = f" with {label.normal!r} in column {label.column!r}" if label is not None else ""
    if not table.shape[1]:
        raise InputError(f"{train}: every column is left out; wanted at least one to learn from")
    if len(table) < MIN_ROWS:
        raise InputError(f"{train}: wanted at least {MIN_ROWS} rows{which} to learn from, got {len(table)}")
    return table


def _write(table: pd.DataFrame, sink: AnyOutput) -> int:
    try:
        for number, piece in enumerate(table_pieces(table, max_rows=max(1, _PIECE_CELLS // table.shape[1]))):
            sink.write(sink.packed(csv_lines(piece, with_header=number == 0)))
        sink.finish()
    except BaseException:
        sink.close(keep=False)
        raise
    return len(table)


def _check_rate(detector: TabularVAEDetector, n_rows: int, rate: float, tail: Tail) -> None:
    """Raise InputError for a rate that a fit on so many rows could not keep."""
    check_rate(rate, detector.n_calibration(n_rows), tail)


@contextmanager
def _as_input_error(source: str) -> Iterator[None]:
    """What scikit-learn refuses is the user's mistake: in a parameter, or in the table of a recipe."""
    try:
        yield
    except InputError:
        raise
    except InvalidParameterError as error:
        raise InputError(str(error)) from error
    except ValueError as error:
        raise InputError(f"{source}: cannot be learned from ({error}); try another --recipe") from error


def _fit_summary(detector: TabularVAEDetector, output: str, n_rows: int, seconds: float) -> FitSummary:
    return FitSummary(
        model=output,
        n_rows=n_rows,
        kinds=Counter(column.kind for column in detector.schema_.columns),
        seconds=seconds,
        elbo_validation=detector.training_["elbo_validation"],
        offset=detector.offset_,
        false_alarm_rate=detector.false_alarm_rate_,
        tail=detector.tail_,
    )

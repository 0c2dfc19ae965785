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

from anomaly_vae.detectors._fitting import n_calibration_rows
from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import InputError
from anomaly_vae.persistence import load, save
from anomaly_vae.tails import Tail, check_tail
from anomaly_vae.thresholds import check_promise, least_false_alarm_rate
from pipelines.budget import rows_per_day
from pipelines.cells import collect, text_chunks
from pipelines.errors import UnknownNameError
from pipelines.evaluation import evaluate
from pipelines.recipes import find_recipe
from pipelines.records import (
    Evaluation,
    FitSummary,
    Label,
    ScoredBatch,
    ScoreSummary,
    TextChunk,
    Threshold,
)
from pipelines.scoring import Explain, Model, Scorer, final_detector
from pipelines.selection import OnlyNormal, Without
from pipelines.sinks import CsvSink, replacing
from pipelines.sources import CHUNK_CELLS, read_csv

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
    """Fit a detector, or the Pipeline of a recipe, on the rows of a CSV file and save it.

    Parameters
    ----------
    train, output : str
        The CSV file and the model file.
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


def score_file(
    model: str,
    source: str,
    output: str,
    *,
    explain: Explain = "flagged",
    prefix: str = "",
    force: bool = False,
) -> ScoreSummary:
    """Score the rows of a CSV file into another, every input column as it was; ``-`` is a standard stream.

    Raises InputError for files, columns and cells that cannot be used.
    """
    started = time.perf_counter()
    write, tally = CsvSink(output, force=force), Tally()
    score = Scorer(load(model), explain=explain, prefix=prefix)
    n_rows = write(tally(score(read_csv(source))))
    return ScoreSummary(output, n_rows, tally.n_anomalies, time.perf_counter() - started)


def evaluate_file(model: str, source: str, label: Label) -> Evaluation:
    """Compare the scores of a CSV file's rows with a label; raises InputError as ``score_file`` does."""
    score = Scorer(load(model), explain="none")
    return evaluate(score(read_csv(source)), label, score.detector.offset_)


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
    """Rows a day of a CSV file, by its column of times; raises InputError where they tell nothing."""
    return rows_per_day(read_csv(source), column)


def sample_file(model: str, output: str, n_rows: int, *, seed: int = 0, force: bool = False) -> int:
    """Write rows drawn from a model, in the columns and units it was fitted on; gives their number.

    Raises InputError for a Pipeline with steps before the detector, which cannot be undone.
    """
    write = CsvSink(output, force=force)
    fitted = load(model)
    detector = final_detector(fitted)
    if detector is not fitted:
        raise InputError(f"{model}: is a Pipeline, whose steps cannot be undone; sample from its last step")
    table = pd.DataFrame(detector.sample(n_rows, random_state=seed), columns=list(detector.schema_.names))
    return write(text_chunks(table, max_rows=max(1, CHUNK_CELLS // table.shape[1])))


class Tally:
    """A stage that lets batches through and counts the anomalies in them."""

    def __init__(self) -> None:
        self.n_anomalies = 0

    def __call__(self, batches: Iterable[ScoredBatch]) -> Iterator[ScoredBatch]:
        """The batches as they are."""
        for batch in batches:
            self.n_anomalies += int(batch.is_anomaly.sum())
            yield batch


def make_model(recipe: str, parameters: Mapping[str, Any]) -> Model:
    """An unfitted model; raises UnknownNameError for a recipe, or a parameter, that is not there."""
    known = TabularVAEDetector().get_params()
    for name in parameters:
        if name not in known:
            raise UnknownNameError(f"the detector has no parameter {name!r}", name, known)
    return find_recipe(recipe)(**parameters)


def _training_table(train: str, label: Label | None, left_out: Sequence[str]) -> pd.DataFrame:
    """The rows and columns to learn from; raises InputError where they are too few."""
    chunks: Iterable[TextChunk] = read_csv(train)
    if label is not None:
        chunks = OnlyNormal(label)(chunks)
    table = collect(Without([*left_out, *([label.column] if label is not None else [])])(chunks))
    which = f" with {label.normal!r} in column {label.column!r}" if label is not None else ""
    if not table.shape[1]:
        raise InputError(f"{train}: every column is left out; wanted at least one to learn from")
    if len(table) < MIN_ROWS:
        raise InputError(f"{train}: wanted at least {MIN_ROWS} rows{which} to learn from, got {len(table)}")
    return table


def _check_rate(detector: TabularVAEDetector, n_rows: int, rate: float, tail: Tail) -> None:
    """Raise InputError for a rate that a fit on so many rows could not keep."""
    detector._validate_params()
    n_calibration = n_calibration_rows(n_rows, detector.validation_fraction, detector.early_stopping)
    if tail == "empirical":
        check_promise(rate, n_calibration)
    elif rate < least_false_alarm_rate(n_calibration):
        check_tail(n_calibration)


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

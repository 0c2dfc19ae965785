"""Fit: fits a model on a file of rows or a folder of images, and saves it.

PyTorch and scikit-learn are imported once a file has been read, so that their memory does not add to its.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from anomaly_vae.errors import InputError
from anomaly_vae.persistence import save
from anomaly_vae.sampling.sizes import SAMPLE_ROWS, n_watched_of
from anomaly_vae.tails import Tail, check_rate
from anomaly_vae_pipelines.dialects.dialect import NOTHING, Given
from anomaly_vae_pipelines.io.files import replacing
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting
from anomaly_vae_pipelines.records import FitSummary, Label
from anomaly_vae_pipelines.runs.memory import return_freed_memory, return_large_allocations
from anomaly_vae_pipelines.runs.provenance import data_of, digest_of, step, times_of
from anomaly_vae_pipelines.runs.table_training import TableTraining
from anomaly_vae_pipelines.runs.threshold import threshold_fields
from anomaly_vae_pipelines.scoring.tables import final_detector, has_keys, is_pipeline

if TYPE_CHECKING:
    from anomaly_vae_pipelines.runs.image_training import ImageTraining


class Rule(NamedTuple):
    """How the threshold of a model follows from its calibration scores; by default the detector chooses."""

    false_alarm_rate: float | None = None
    contamination: float | None = None
    tail: Tail = "empirical"


_OWNERS = ("sklearn", "anomaly_vae", "anomaly_vae_pipelines")

Training: TypeAlias = "TableTraining | ImageTraining"
"""An unfitted model and the data to fit it on."""


def fit_file(
    train: str,
    output: str,
    *,
    label: Label | None = None,
    left_out: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    recipe: str = "tabular",
    given: Given = NOTHING,
    columns: Sequence[str] | None = None,
    max_rows: int = SAMPLE_ROWS,
    per: str | None = None,
    fast_sample: bool = False,
    key: str | None = None,
    false_alarm_rate: float | None = None,
    contamination: float | None = None,
    tail: Tail = "empirical",
    force: bool = False,
    command: str | None = None,
    parent: str | None = None,
) -> FitSummary:
    """Fit a detector, or the Pipeline of a recipe, on the rows of a file and save it.

    Parameters
    ----------
    train, output : str
        The file of rows, or a directory or pattern of files with the same columns; and the model file.
    label : Label, optional
        Fit only on the rows that it marks as normal; its column is not a feature.
    left_out : sequence of str
        Columns that are not features.
    parameters : mapping, optional
        Parameters of TabularVAEDetector.
    recipe : str
        Name of a function of ``anomaly_vae_pipelines.recipes``.
    given : Given
        What the user said about how the file is read.
    columns : sequence of str, optional
        The features, in this order; by default all columns that are not left out.
    max_rows : int
        The most rows to fit on. Of more, a sample is drawn in one pass, by the random state of the detector
        if that is an int.
    per : str, optional
        The column of a key, by whose values the rows to train on are drawn, as in ``fit_stream``. It is a
        feature unless it is left out.
    fast_sample : bool
        Whether only some blocks of the files are read, drawn at random, with about ``max_rows`` rows. The
        model file then has no digest of the files.
    key : str, optional
        The column by whose values models are fitted, as ``PerKey`` does; rows are drawn by it too.
    false_alarm_rate : float in (0, 1), optional
        Rate at which the threshold is set; by default the detector chooses the threshold. A rate that the
        number of rows cannot guarantee raises InputError before the fit; with a ``key``, after it.
    contamination : float in (0, 0.5], optional
        As in ``TabularVAEDetector.set_threshold``, instead of a rate.
    tail : {"empirical", "gpd"}
        As in ``TabularVAEDetector.set_threshold``.
    force : bool
        Whether ``output`` may be replaced.
    command, parent : str, optional
        The command line, and the ``model_id`` of the model that is fitted again, which the model file keeps.

    Raises
    ------
    InputError
        For files, names and parameters that cannot be used.
    """
    training = TableTraining(
        train, label, left_out, parameters or {}, recipe, given, columns, max_rows, per, fast_sample, key
    )
    rule = Rule(false_alarm_rate, contamination, tail)
    return _fit(training, train, output, rule, force, command, parent)


def fit_images(
    train: str,
    output: str,
    *,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    false_alarm_rate: float | None = None,
    tail: Tail = "empirical",
    force: bool = False,
    command: str | None = None,
) -> FitSummary:
    """Fit a detector on images and save it.

    Parameters
    ----------
    train, output : str
        The folder (``train/good`` in MVTec's layout), pattern or array, and the model file.
    image_size : (int, int), optional
        Height and width that every image is resized to, now and when it is scored.
    channels : {1, 3}, optional
        Converts every image to grey or to colour, now and when it is scored.
    parameters : mapping, optional
        Parameters of ImageVAEDetector.
    false_alarm_rate, tail, force, command
        As in ``fit_file``.

    Raises
    ------
    InputError
        For images, names and parameters that cannot be used.
    """
    from anomaly_vae_pipelines.runs.image_training import ImageTraining

    chosen = {"image_size": image_size, "channels": channels}
    given = {name: value for name, value in chosen.items() if value is not None}
    training = ImageTraining(train, dict(parameters or {}) | given)
    return _fit(training, train, output, Rule(false_alarm_rate, None, tail), force, command)


def _fit(
    training: Training,
    train: str,
    output: str,
    rule: Rule,
    force: bool,
    command: str | None,
    parent: str | None = None,
) -> FitSummary:
    started = time.perf_counter()
    paths = training.paths()
    check_no_overwriting({"-o": output}, paths)
    with replacing(output, force=force) as temporary:
        with ThreadPoolExecutor(1) as thread:
            digest = thread.submit(digest_of, [] if training.reads_blocks else paths)
            data = training.data()
        return_freed_memory()
        return_large_allocations()
        fit_model(training, train, data, rule)
        detector = _detector(training)
        if rule.false_alarm_rate is not None:
            detector.set_threshold(false_alarm_rate=rule.false_alarm_rate, tail=rule.tail)
        elif rule.contamination is not None:
            detector.set_threshold(contamination=rule.contamination)
        n_rows = getattr(training, "n_seen", len(data))
        about = data_of(train, digest.result(), n_rows, data.shape[1] if hasattr(data, "columns") else None)
        columns = getattr(detector, "schema_", None)
        about |= {} if columns is None else times_of(data, columns.columns)
        steps = [step("fit", command, data=about, parent=parent)]
        save(training.model, temporary, dialect=training.dialect(), provenance=steps)
    return FitSummary(
        **threshold_fields(detector, output),
        n_rows=len(data),
        seconds=time.perf_counter() - started,
        elbo_validation=detector.training_["elbo_validation"],
        **training.summary(),
    )


def fit_model(training: Training, train: str, data: Any, rule: Rule) -> None:
    """Fit a model; raises InputError for a parameter or data that scikit-learn rejects with ValueError."""
    from sklearn.utils._param_validation import InvalidParameterError

    try:
        if rule.false_alarm_rate is not None and not has_keys(training.model):
            check_rate(rule.false_alarm_rate, _n_calibration(training, len(data)), rule.tail)
        training.model.fit(data, **_held_out(training))
    except InputError:
        raise
    except InvalidParameterError as error:
        raise InputError(str(error)) from error
    except ValueError as error:
        if not _is_of_sklearn(error):
            raise
        raise InputError(f"{train}: cannot be fitted ({error}){training.hint}") from error


def _detector(training: Training) -> Any:
    """Return the model itself, or the last step of a Pipeline."""
    return final_detector(cast(Any, training.model))


def _n_calibration(training: Training, n_rows: int) -> int:
    """Return the number of rows that calibrate."""
    detector = _detector(training)
    if not isinstance(training, TableTraining) or training.held_out is None:
        return int(detector.n_calibration(n_rows))
    n_out = int(training.held_out.sum())
    return n_out - n_watched_of(n_out, n_rows - n_out, detector.early_stopping)


def _held_out(training: Training) -> dict[str, Any]:
    """Return the argument of ``fit`` that names the rows to hold out, if the sample chose them."""
    if not isinstance(training, TableTraining) or training.held_out is None:
        return {}
    model = training.model
    if has_keys(model):  # which holds out rows of each key
        return {}
    step = f"{model.steps[-1][0]}__" if is_pipeline(model) else ""
    return {f"{step}held_out": training.held_out}


def _is_of_sklearn(error: Exception) -> bool:
    """Return whether scikit-learn raised an error, or called what did, rather than our code."""
    names: Iterator[str] = (
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    owners = [name.partition(".")[0] for name in names]
    return next(owner for owner in reversed(owners) if owner in _OWNERS) == "sklearn"

"""A self-test: generated rows with their scores, to check that a loaded model scores as the saved one did.

Checksums protect the bytes of a file, not the results that are computed from them. A damaged BLAS, a library
that computes other results, or a file that was combined from two files passes every check of types and shapes
but gives other scores; the self-test detects this. It is not a signature: anyone who forges a file can forge
its self-test.

The rows of a table are drawn from the model, never taken from the training rows, and stored as JSON columns;
a cell may be a category, or the least or largest number, of the training rows. Images are generated from a
fixed seed, and only their scores are stored. A Pipeline has its own rows, which pass through its steps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.decisions import Floats
from anomaly_vae.errors import ModelFileError, NonFiniteScoreError
from anomaly_vae.model_file.generated_rows import Columns, generated_rows, input_names, n_inputs

if TYPE_CHECKING:
    import pandas as pd

    from anomaly_vae.detectors._base import VAEDetector
    from anomaly_vae.scorer import TableScorer

# Limits of a self-test. A file that exceeds them is rejected, so a release may raise but never lower them.
_MAX_ROWS = 4
_MAX_PIPELINE_ROWS = 16
_MAX_TEXT = 64
_MOST = 1e300
# Cells or pixels of several rows together, and of a single row.
_TABLE_CELLS = (2**12, 2**15)
_IMAGE_CELLS = (2**15, 2**22)

# Relative to max(1, |score|). Networks compute in single precision, and the order of summation depends on the
# processor and BLAS: this changes a score by millionths of the sum of its terms. Faults change it far more.
_TOLERANCE = 1e-3

_WAY_OUT = "save the model again where it was fitted, or install the versions that read_metadata gives"


def make_self_test(model: Any) -> dict[str, Any] | None:
    """The self-test of a fitted detector or Pipeline, JSON-serialisable.

    Returns
    -------
    dict or None
        "scores" in nats of at most 4 rows of the detector, and for a table "columns", with a list of one cell
        per row for each column. For a table with several ensembles, of whose bounds a score is the largest,
        also "bounds", those of the first ensemble first. For a Pipeline also "pipeline", the same for at most
        16 rows of the Pipeline, or None if its steps cannot read generated rows. None if a single row is too
        large to be stored, or to be scored in every load.

    Raises
    ------
    NonFiniteScoreError
        If a score is not a finite number.
    """
    detector = _detector_of(model)
    n_rows = n_self_test_rows(detector)
    if n_rows == 0:
        return None
    test: dict[str, Any] = {} if _is_of_images(detector) else {"columns": _drawn(detector, n_rows)}
    test["scores"] = _finite(_scores(detector, test.get("columns"), n_rows))
    if _n_ensembles(detector) > 1:
        test["bounds"] = _finite(_bounds(detector, test["columns"]))
    return test if model is detector else {**test, "pipeline": _make_pipeline_test(model)}


def check_self_test(model: Any, test: object) -> None:
    """Check that a model gives the rows of its self-test the saved scores.

    Parameters
    ----------
    model : VAEDetector, TableScorer or Pipeline
        Fitted.
    test : object
        What ``make_self_test`` returned, or anything that a file has in its place.

    Raises
    ------
    ModelFileError
        If a score differs by more than a thousandth of max(1, |score|), or if the self-test is malformed or
        cannot be run.
    """
    detector = _detector_of(model)
    wanted = _checked_scores(test, n_self_test_rows(detector))
    columns = (
        None if _is_of_images(detector) else _checked_columns(test, detector.n_features_in_, len(wanted))
    )
    _compare(detector, columns, wanted)
    n_ensembles = _n_ensembles(detector)
    if n_ensembles > 1:
        _compare_bounds(detector, columns, _checked_bounds(test, n_ensembles * len(wanted)))
    own = test.get("pipeline") if isinstance(test, dict) else None
    if own is not None and model is not detector:
        wanted = _checked_scores(own, _n_pipeline_rows(model))
        _compare(model, _checked_columns(own, n_inputs(model), len(wanted)), wanted)


def n_self_test_rows(detector: VAEDetector | TableScorer) -> int:
    """Rows that a self-test of the detector may have; 0 if one row is too large."""
    together, alone = _IMAGE_CELLS if _is_of_images(detector) else _TABLE_CELLS
    return _n_rows(int(detector.n_features_in_), together, alone, _MAX_ROWS)


def _n_pipeline_rows(pipeline: Any) -> int:
    return _n_rows(n_inputs(pipeline), *_TABLE_CELLS, _MAX_PIPELINE_ROWS)


def _n_rows(width: int, together: int, alone: int, most: int) -> int:
    return min(most, max(together // width, 1)) if width <= alone else 0


def _make_pipeline_test(pipeline: Any) -> dict[str, Any] | None:
    """The self-test of all steps, or None if the steps cannot read generated rows."""
    n_rows = _n_pipeline_rows(pipeline)
    if n_rows == 0:
        return None
    try:
        columns = generated_rows(pipeline, n_rows)
        if not all(_is_cell(cell) for column in columns for cell in column):
            return None
        return {"columns": columns, "scores": _finite(_scores(pipeline, columns, n_rows))}
    except NonFiniteScoreError:
        raise
    except Exception:  # steps of other packages can raise anything for such rows
        return None


def _detector_of(model: Any) -> Any:
    """The detector of a model: its last step, or the model itself."""
    return model.steps[-1][1] if hasattr(model, "steps") else model


def _compare(model: Any, columns: Columns | None, wanted: list[float]) -> None:
    """Raise ModelFileError if a score is not the saved one."""
    _check_equal(lambda: _scores(model, columns, len(wanted)), wanted)


def _compare_bounds(detector: Any, columns: Columns | None, wanted: list[float]) -> None:
    """Raise ModelFileError if a bound of an ensemble is not the saved one."""
    _check_equal(lambda: _bounds(detector, columns or []), wanted)


def _check_equal(compute: Callable[[], Floats], wanted: list[float]) -> None:
    try:
        scores = compute()
    except Exception as error:  # forged cells, and forged models, can raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ModelFileError(f"its self-test cannot be run ({reason}); {_WAY_OUT}") from error
    for row, (score, saved) in enumerate(zip(scores.tolist(), wanted, strict=True)):
        if not abs(score - saved) <= _TOLERANCE * max(1.0, abs(saved)):
            raise ModelFileError(
                f"its self-test fails: generated row {row} scored {saved:.6g} nats when it was saved, but "
                f"{score:.6g} here; the file is damaged or forged, or a library differs: {_WAY_OUT}"
            )


def _n_ensembles(detector: Any) -> int:
    return len(getattr(detector.model_, "ensembles", [None]))


def _bounds(detector: Any, columns: Columns) -> Floats:
    """Bounds of generated rows, those of the first ensemble first."""
    bounds = detector.model_.bounds(_rows(detector, _table(columns)))
    return np.asarray(bounds.T.ravel())


def _is_of_images(detector: VAEDetector | TableScorer) -> bool:
    return hasattr(detector, "image_size_")


def _drawn(detector: Any, n_rows: int) -> Columns:
    """Generated rows of a table, by column."""
    import pandas as pd

    cells = pd.DataFrame(detector.sample(n_rows, random_state=0)).astype(object).to_numpy()
    return [[_plain(cell) for cell in column] for column in cells.T]


def _plain(cell: Any) -> float | bool | str | None:
    """A cell as a JSON value: a date as ISO 8601; a missing or unrepresentable value as null.

    A truncated text is an unknown category, which has a score too.
    """
    import pandas as pd

    if pd.isna(cell):
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat() if 1 <= cell.year <= 9999 else None
    if isinstance(cell, str):
        return cell[:_MAX_TEXT]
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    return float(cell) if abs(cell) <= _MOST else None


def _scores(model: Any, columns: Columns | None, n_rows: int) -> Floats:
    """Scores of generated rows or images, with column names if the training rows had names."""
    X = _rows(model, _images(model, n_rows) if columns is None else _table(columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps, for values unlike those of training
        return np.asarray(model.score_samples(X), dtype=np.float64)


def _rows(model: Any, cells: NDArray[Any]) -> NDArray[Any] | pd.DataFrame:
    names = input_names(model)
    if names is None or (cells.dtype != object and hasattr(model, "takes_arrays")):
        return cells
    import pandas as pd

    return pd.DataFrame(cells, columns=names).infer_objects()


def _finite(scores: Floats) -> list[float]:
    if not np.isfinite(scores).all():
        raise NonFiniteScoreError("the scores of generated rows are not finite numbers; fit the model again")
    return [float(score) for score in scores]


def _table(columns: Columns) -> NDArray[Any]:
    """Cells (n_rows, n_columns) of JSON columns: floats if all are numbers, and objects otherwise."""
    numbers = not any(isinstance(cell, bool | str) for column in columns for cell in column)
    return np.array(columns, dtype=np.float64 if numbers else object).T


def _images(detector: Any, n_rows: int) -> Floats:
    """Flattened images: brightness that increases to one corner, with more noise in each further image.

    They are sums and products of numbers from a generator that NumPy keeps unchanged, so they are
    bit-identical on every machine.
    """
    (height, width), (low, high) = detector.image_size_, detector.pixel_range_
    down, across = np.linspace(0.0, 0.5, height), np.linspace(0.0, 0.5, width)
    light = np.broadcast_to((down[:, None] + across)[..., None], (height, width, detector.channels_)).ravel()
    noise = np.random.RandomState(0).random_sample((n_rows, light.size))
    share = np.arange(1, n_rows + 1)[:, None] / 8.0
    return np.asarray(low + (high - low) * ((1.0 - share) * light + share * noise))


def _checked_scores(test: object, most_rows: int) -> list[float]:
    """The scores of a self-test; raises ModelFileError unless they are a few finite numbers."""
    scores = test.get("scores") if isinstance(test, dict) else None
    if not isinstance(scores, list) or not 1 <= len(scores) <= most_rows:
        raise _malformed(f"it should have a list of 1 to {most_rows} scores")
    if not all(_is_number(score) for score in scores):
        raise _malformed("a score is not a finite number")
    return scores


def _checked_bounds(test: Any, n_bounds: int) -> list[float]:
    """The bounds of a self-test; raises ModelFileError unless they are ``n_bounds`` finite numbers."""
    bounds = test.get("bounds")
    if not isinstance(bounds, list) or len(bounds) != n_bounds or not all(map(_is_number, bounds)):
        raise _malformed(f"it should have a list of {n_bounds} finite bounds")
    return bounds


def _checked_columns(test: Any, n_columns: int, n_rows: int) -> Columns:
    """The columns of a self-test; raises ModelFileError unless each has one small cell per row."""
    columns = test.get("columns")
    if not isinstance(columns, list) or len(columns) != n_columns:
        raise _malformed(f"it should have a list of {n_columns} columns")
    if not all(isinstance(column, list) and len(column) == n_rows for column in columns):
        raise _malformed(f"each column should be a list of {n_rows} cells")
    if not all(_is_cell(cell) for column in columns for cell in column):
        raise _malformed(
            f"a cell is not a number, a boolean, null or a text of at most {_MAX_TEXT} characters"
        )
    return columns


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _is_cell(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    return value is None or isinstance(value, bool) or _is_number(value)


def _malformed(what: str) -> ModelFileError:
    """The error for a self-test that ``make_self_test`` cannot have made."""
    return ModelFileError(f"its self-test is malformed: {what}; save the model again")

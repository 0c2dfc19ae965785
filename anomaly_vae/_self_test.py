"""A self-test: made-up rows with their scores, by which a loaded detector is known to score as the saved one.

Checksums guard the bytes of a file, not what is computed from them. A damaged BLAS, a library that counts
otherwise, or a file that was put together from two passes every check of types and shapes and gives other
scores; here it is caught. A self-test is no signature: who forges a whole file can forge its self-test too.

The rows of a table are drawn from the model, never taken from its training, and are kept as JSON, column by
column; a cell may be a category, or the least or largest number, that training has seen. Images are made
again from a fixed seed, and only their scores are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomaly_vae.detectors._base import Floats, VAEDetector
from anomaly_vae.errors import ModelFileError

# What a file may ask of whoever loads it. One that asks for more is refused: raise these, never lower them.
_MAX_ROWS = 4
_MAX_TEXT = 64
_MOST = 1e300
# Cells or pixels of several rows together, and of a row by itself.
_TABLE_CELLS = (2**12, 2**15)
_IMAGE_CELLS = (2**15, 2**22)

# Of max(1, |score|). Networks count in single precision, and processors and BLAS add up in other orders: that
# moves a score by some millionths of the sum of its terms. What is broken moves it by far more.
_TOLERANCE = 1e-3

_WAY_OUT = "save the model again where it was fitted, or install the versions that read_metadata gives"

Columns = list[list[Any]]


def make_self_test(detector: VAEDetector) -> dict[str, Any] | None:
    """The self-test of a fitted detector, fit for JSON.

    Returns
    -------
    dict or None
        "scores" in nats, at most 4, and of a table "columns", a list of as many cells for each. None where a
        single row is too large to be kept or scored with every load, or a score is no finite number.
    """
    n_rows = _most_rows(detector)
    if n_rows == 0:
        return None
    test = {} if _is_of_images(detector) else {"columns": _drawn(detector, n_rows)}
    scores = _scores(detector, test.get("columns"), n_rows)
    return {**test, "scores": scores.tolist()} if np.isfinite(scores).all() else None


def check_self_test(detector: VAEDetector, test: object) -> None:
    """Refuse a detector that scores otherwise than the one whose self-test this is.

    Parameters
    ----------
    detector : VAEDetector
        Fitted.
    test : object
        What ``make_self_test`` gave, or whatever a file has in its place.

    Raises
    ------
    ModelFileError
        If a score differs by more than a thousandth (of 1 nat where it is smaller), or the self-test is
        malformed or cannot be run.
    """
    wanted = _checked_scores(test, _most_rows(detector))
    n_rows = len(wanted)
    columns = None if _is_of_images(detector) else _checked_columns(test, detector.n_features_in_, n_rows)
    try:
        scores = _scores(detector, columns, n_rows)
    except Exception as error:  # forged cells, and forged models, can raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ModelFileError(f"its self-test cannot be run ({reason}); {_WAY_OUT}") from error
    for row, (score, saved) in enumerate(zip(scores.tolist(), wanted, strict=True)):
        if not abs(score - saved) <= _TOLERANCE * max(1.0, abs(saved)):
            raise ModelFileError(
                f"its self-test fails: made-up row {row} scored {saved:.6g} nats where it was saved, but "
                f"{score:.6g} here; the file is damaged or forged, or a library counts otherwise: {_WAY_OUT}"
            )


def _is_of_images(detector: VAEDetector) -> bool:
    return hasattr(detector, "image_size_")


def _most_rows(detector: VAEDetector) -> int:
    """Rows that a self-test of the detector may have; 0 where one is too many."""
    together, alone = _IMAGE_CELLS if _is_of_images(detector) else _TABLE_CELLS
    width = int(detector.n_features_in_)
    return min(_MAX_ROWS, max(together // width, 1)) if width <= alone else 0


def _drawn(detector: Any, n_rows: int) -> Columns:
    """Made-up rows of a table, column by column."""
    cells = pd.DataFrame(detector.sample(n_rows, random_state=0)).astype(object).to_numpy()
    return [[_plain(cell) for cell in column] for column in cells.T]


def _plain(cell: Any) -> float | bool | str | None:
    """A cell as JSON has it: a date as ISO 8601, what is missing or has no such form as null.

    A text that was cut stands for a category that was never seen, which is scored as well.
    """
    if pd.isna(cell):
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat() if 1 <= cell.year <= 9999 else None
    if isinstance(cell, str):
        return cell[:_MAX_TEXT]
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    return float(cell) if abs(cell) <= _MOST else None


def _scores(detector: VAEDetector, columns: Columns | None, n_rows: int) -> Floats:
    """Scores of made-up rows or images, given with names where the training rows had names."""
    cells = _images(detector, n_rows) if columns is None else _table(columns)
    names = getattr(detector, "feature_names_in_", None)
    X = cells if names is None else pd.DataFrame(cells, columns=names).infer_objects()
    return detector.score_samples(X)


def _table(columns: Columns) -> NDArray[Any]:
    """Cells (n_rows, n_columns) of JSON columns: floats if all are, and objects otherwise."""
    numbers = not any(isinstance(cell, bool | str) for column in columns for cell in column)
    return np.array(columns, dtype=np.float64 if numbers else object).T


def _images(detector: Any, n_rows: int) -> Floats:
    """Flattened images: light that rises to one corner, with more noise in each than in the one before.

    Nothing but sums and products of a generator whose numbers numpy has frozen, so that every machine makes
    the same images to the last bit.
    """
    (height, width), (low, high) = detector.image_size_, detector.pixel_range_
    down, across = np.linspace(0.0, 0.5, height), np.linspace(0.0, 0.5, width)
    light = np.broadcast_to((down[:, None] + across)[..., None], (height, width, detector.channels_)).ravel()
    noise = np.random.RandomState(0).random_sample((n_rows, light.size))
    share = np.arange(1, n_rows + 1)[:, None] / 8.0
    return np.asarray(low + (high - low) * ((1.0 - share) * light + share * noise))


def _checked_scores(test: object, most_rows: int) -> list[float]:
    """The scores of a self-test, if they are so many finite numbers at most."""
    scores = test.get("scores") if isinstance(test, dict) else None
    if not isinstance(scores, list) or not 1 <= len(scores) <= most_rows:
        raise _malformed(f"it should have a list of 1 to {most_rows} scores")
    if not all(_is_number(score) for score in scores):
        raise _malformed("a score is no finite number")
    return scores


def _checked_columns(test: Any, n_columns: int, n_rows: int) -> Columns:
    """The columns of a self-test, if each has a cell a row that JSON can hold, and none is large."""
    columns = test.get("columns")
    if not isinstance(columns, list) or len(columns) != n_columns:
        raise _malformed(f"it should have a list of {n_columns} columns")
    if not all(isinstance(column, list) and len(column) == n_rows for column in columns):
        raise _malformed(f"each column should be a list of {n_rows} cells")
    if not all(_is_cell(cell) for column in columns for cell in column):
        raise _malformed(f"a cell is no number, truth value, null or text of at most {_MAX_TEXT} characters")
    return columns


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _is_cell(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT
    return value is None or isinstance(value, bool) or _is_number(value)


def _malformed(what: str) -> ModelFileError:
    """The refusal of a self-test that no detector has made."""
    return ModelFileError(f"its self-test is malformed: {what}; save the model again")

"""Search of the nearest normal rows: change columns until the score is high enough, then undo what can be.

Rows are in the common form of ``cells``. All rows are searched at the same time, in blocks of candidates.

1. Grow: the columns that lower the score most are tried one by one; the best one joins the columns that are
   changed. Their cells get the values that the model expects, given all other cells.
2. Prune: a change without which the score stays high enough is undone, until there is none.
3. Shrink: numbers move back toward what they were as far as the score stays high enough; prune again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.numeric import NumericColumns
from anomaly_vae.columns.readers import IdentifierReader, NumberReader, Reader
from anomaly_vae.nearest.cells import fitting

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

N_TRIED = 6
"""Columns that are tried for each row in each step."""

ONE_BY_ONE = 8
"""From this number of changed columns on, an eighth of their number joins in each step, untried."""

N_AGAIN = 3
"""How often cells are filled again."""

N_HALVINGS = 12
"""Halvings of the way back: the last step is 1/4096 of the change."""


@dataclass(frozen=True)
class Model:
    """What the search needs of a fitted model; each function takes rows in the common form.

    Attributes
    ----------
    scores : callable
        Scores in nats, shape (n_rows,).
    costs : callable
        Contribution of each column less its typical value, shape (n_rows, n_columns), in nats.
    expected : callable
        Expected rows, rounded and within the range of the training rows; missing cells are filled in.
    readers : sequence of Reader
        The readers of the columns.
    numeric : NumericColumns
        Scales and ranges of the numbers.
    offset : float
        The threshold in nats.
    rounded : array of bool, shape (n_columns,)
        Columns whose numbers the table stores with 32 bits.
    """

    scores: Callable[[pd.DataFrame], Floats]
    costs: Callable[[pd.DataFrame], Floats]
    expected: Callable[[pd.DataFrame], pd.DataFrame]
    readers: Sequence[Reader]
    numeric: NumericColumns
    offset: float
    rounded: Bools


def nearest(rows: pd.DataFrame, model: Model, n_columns: int) -> tuple[pd.DataFrame, Bools, Bools]:
    """Changed rows, which cells changed (n_rows, n_columns), and which rows are normal now (n_rows,)."""
    current, changed = _grow(rows, model, n_columns)
    is_normal = model.scores(current) >= model.offset
    done = np.flatnonzero(is_normal)
    if len(done):
        before = rows.iloc[done]
        found, kept = _prune(before, current.iloc[done], changed[done], model)
        found = _shrink(before, found, kept, model)
        found, kept = _prune(before, found, kept, model)
        changed[done] = kept
        _put(current, done, found)
    return current, changed, is_normal


def _grow(rows: pd.DataFrame, model: Model, n_columns: int) -> tuple[pd.DataFrame, Bools]:
    """Rows with as many changed columns as they need, at most ``n_columns``, and which those are."""
    free = np.array([not isinstance(reader, IdentifierReader) for reader in model.readers])
    current, changed = rows.copy(), np.zeros(rows.shape, dtype=bool)
    is_open, n_changed, most = np.arange(len(rows)), 0, min(n_columns, int(free.sum()))
    while len(is_open) and n_changed < most:
        before, n_new = changed[is_open], min(max(1, n_changed // ONE_BY_ONE), most - n_changed)
        costs = np.where(before | ~free, np.inf, model.costs(current.iloc[is_open]))
        worst = np.argsort(costs, axis=1, kind="stable")
        n_tried = min(N_TRIED, most - n_changed) if n_new == 1 else 1
        best = np.full(len(is_open), -np.inf)
        for k in range(n_tried):
            wanted = before.copy()
            np.put_along_axis(wanted, worst[:, k : k + n_new], True, axis=1)
            filled, scores = _filled(rows.iloc[is_open], wanted, model)
            better = np.flatnonzero(scores > best)
            best[better] = scores[better]
            _put(current, is_open[better], filled.iloc[better])
            changed[is_open[better]] = wanted[better]
        n_changed += n_new
        is_open = is_open[best < model.offset]
    return current, changed


def _filled(rows: pd.DataFrame, changed: Bools, model: Model) -> tuple[pd.DataFrame, Floats]:
    """Rows with the values that the model expects in the changed cells, and their scores.

    The cells are first filled without their own values, and then again from the filled rows; the best result
    counts.
    """
    best = last = _replaced(rows, changed, model.expected(_replaced(rows, changed, None)), model)
    scores, best = model.scores(last), best.copy()
    for _ in range(N_AGAIN):
        last = _replaced(rows, changed, model.expected(last), model)
        again = model.scores(last)
        better = np.flatnonzero(again > scores)
        _put(best, better, last.iloc[better])
        scores = np.maximum(scores, again)
    return best, scores


def _replaced(
    rows: pd.DataFrame, changed: Bools, expected: pd.DataFrame | None, model: Model | None = None
) -> pd.DataFrame:
    """Rows with other values in the changed cells: those of expected rows, or missing ones."""
    values = None if expected is None or model is None else fitting(expected, rows, model.readers)
    result = rows.copy()
    for j in np.flatnonzero(changed.any(axis=0)).tolist():
        cells = rows.iloc[:, j].to_numpy(copy=True)
        cells[changed[:, j]] = (
            _missing(cells) if values is None else values.iloc[:, j].to_numpy()[changed[:, j]]
        )
        if model is not None and model.rounded[j]:
            cells = cells.astype(np.float32).astype(np.float64)
        result.isetitem(j, cells)
    return result


def _missing(cells: NDArray[Any]) -> Any:
    """What stands for a missing cell in a column of this type."""
    return {"f": np.nan, "M": np.datetime64("NaT", "us")}.get(cells.dtype.kind)


def _prune(
    before: pd.DataFrame, rows: pd.DataFrame, changed: Bools, model: Model
) -> tuple[pd.DataFrame, Bools]:
    """Undo changes that are not needed, of each row the one that costs least, until all are needed."""
    rows, changed = rows.copy(), changed & _differ(before, rows)
    is_open = np.arange(len(rows))
    while len(is_open):
        position, column = np.nonzero(changed[is_open])
        at = is_open[position]
        tried = rows.iloc[at].copy()
        undone = np.zeros(tried.shape, dtype=bool)
        undone[np.arange(len(at)), column] = True
        _put(tried, np.arange(len(at)), before.iloc[at], undone)
        scores = model.scores(tried) if len(at) else np.zeros(0)
        chosen = _best_of(position, scores, model.offset)
        _put(rows, at[chosen], tried.iloc[chosen])
        changed[at[chosen], column[chosen]] = False
        is_open = at[chosen]
    return rows, changed


def _best_of(position: NDArray[np.int64], scores: Floats, offset: float) -> NDArray[np.int64]:
    """The index of the highest score of each row, for rows whose highest score is not below the threshold."""
    order = np.lexsort((-scores, position))
    _, first = np.unique(position[order], return_index=True)
    best = order[first]
    return np.asarray(best[scores[best] >= offset])


def _shrink(before: pd.DataFrame, rows: pd.DataFrame, changed: Bools, model: Model) -> pd.DataFrame:
    """Move the numbers of each row back toward what they were, all of them by the same share of the way."""
    high, low = np.ones(len(rows)), np.zeros(len(rows))
    best = rows.copy()
    for halving in range(N_HALVINGS):
        share = np.zeros(len(rows)) if halving == 0 else (low + high) / 2
        tried = _between(before, rows, changed, share, model)
        is_normal = model.scores(tried) >= model.offset
        high, low = np.where(is_normal, share, high), np.where(is_normal, low, share)
        _put(best, np.flatnonzero(is_normal), tried.iloc[np.flatnonzero(is_normal)])
    return best


def _between(
    before: pd.DataFrame, rows: pd.DataFrame, changed: Bools, share: Floats, model: Model
) -> pd.DataFrame:
    """Changed numbers at a share of the way from what they were, or the nearest value that training saw."""
    result, numeric, i = rows.copy(), model.numeric, 0
    for j, reader in enumerate(model.readers):
        if isinstance(reader, NumberReader) and changed[:, j].any():
            start = np.clip(before.iloc[:, j].to_numpy(), numeric.low[i], numeric.high[i])
            end = rows.iloc[:, j].to_numpy()
            values = _on_the_way(start, end, share, float(numeric.unit[i]))
            values = np.rint(values) if numeric.is_integer[i] else values
            values = values.astype(np.float32).astype(np.float64) if model.rounded[j] else values
            values = np.clip(values, numeric.low[i], numeric.high[i])
            result.isetitem(j, np.where(changed[:, j] & ~np.isnan(start), values, end))
        i += reader.n_numeric
    return result


def _on_the_way(start: Floats, end: Floats, share: Floats, unit: float) -> Floats:
    """Values between two others; on the scale of logarithms if a unit is given."""
    if np.isnan(unit):
        return np.asarray(start + share * (end - start))
    first, last = (np.sign(values) * np.log1p(np.abs(values) / unit) for values in (start, end))
    middle = first + share * (last - first)
    return np.asarray(np.sign(middle) * np.expm1(np.abs(middle)) * unit)


def _differ(before: pd.DataFrame, rows: pd.DataFrame) -> Bools:
    """Which cells are not what they were; missing cells are the same."""
    same = (before.to_numpy(dtype=object) == rows.to_numpy(dtype=object)) | (
        before.isna().to_numpy() & rows.isna().to_numpy()
    )
    return np.asarray(~same.astype(bool))


def _put(
    frame: pd.DataFrame, positions: NDArray[np.int64], values: pd.DataFrame, where: Bools | None = None
) -> None:
    """Replace the rows at these positions, or the cells of them that ``where`` selects, in place."""
    for j in range(frame.shape[1]):
        chosen = slice(None) if where is None else where[:, j]
        cells = frame.iloc[:, j].to_numpy(copy=True)
        cells[positions[chosen]] = values.iloc[:, j].to_numpy()[chosen]
        frame.isetitem(j, cells)

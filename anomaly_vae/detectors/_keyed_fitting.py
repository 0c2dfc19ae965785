"""From rows and their keys to a KeyedState: split, normalise by key, train the shared network, calibrate.

Only rows that calibrate no threshold reach the encoder, the models of keys and the network. A calibration
row and a new row of a key are therefore exchangeable, if both are normal, and the p-values of each key are
valid.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.detectors._devices import resolve_device
from anomaly_vae.detectors._fitting import encoded_rows, fit_encoder, fit_ensembles
from anomaly_vae.detectors._model import TableModel
from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import IdentifierColumnWarning
from anomaly_vae.runtime.keyed import KeyedRuntime
from anomaly_vae.sampling.sizes import MAX_TRAIN_ROWS
from anomaly_vae.states.keyed import KeyedState, Positions
from anomaly_vae.states.table import TableState
from anomaly_vae.training import History

Floats = NDArray[np.float64]

MAX_ROWS = 10_000
"""The most rows that the model of a key is fitted on, and the most that calibrate it."""

_PRIOR_ROWS = 4.0
"""Rows that the spread of all keys counts as in the spread of one: of four rows, it is half from its own."""

_PRIOR_CATEGORIES = 10.0
"""Rows that the frequencies of all keys count as in those of one key."""

_LEAST_SCALE = 0.02
"""Least spread of a number within a key, in spreads over all keys."""

_REACH = 5.0
"""Distance from the quartiles beyond which a cell counts as nearer, in quartile ranges."""

_WATCHED = 9
"""One in this many rows is not trained on and sets the weights of the members of the network."""

_MAX_WATCHED = 2_000
_MAX_TYPICAL_ROWS = 2_000


class _Split(NamedTuple):
    """Positions of the rows of one key: those that its model is fitted on, and those that calibrate it."""

    own: Positions
    held_out: Positions


def fit_keyed(
    template: TabularVAEDetector, X: Table, codes: Positions, keys: NDArray[np.str_], min_rows: int, seed: int
) -> tuple[KeyedState, History] | None:
    """The models of all keys with at least ``min_rows`` rows, without thresholds; None if there is none.

    ``codes`` are positions in ``keys``, ascending, of the key of each row; -1 has none.
    """
    random = np.random.RandomState(seed)
    counts = np.bincount(codes[codes >= 0], minlength=len(keys))
    chosen = np.flatnonzero(counts >= min_rows)
    if not len(chosen):
        return None
    fraction = 0.5 if isinstance(template.validation_fraction, str) else template.validation_fraction
    groups = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes + 1, minlength=1))[:-1])
    splits = [_split(random.permutation(groups[1 + key]), fraction) for key in chosen]
    owners = np.repeat(np.arange(len(chosen)), [len(split.own) for split in splits])
    own = np.concatenate([split.own for split in splits])
    encoder = _encoder(template, X, own)
    cells = encoded_rows(encoder, X, own)
    state = _models(encoder, cells, owners, keys[chosen])
    state, history = _with_network(template, state, cells, owners, random)
    return _calibrated(state, X, splits), history


def _split(rows: Positions, fraction: float) -> _Split:
    """Divide the rows of a key, which are in random order; each part has at least one."""
    n_held_out = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
    return _Split(rows[n_held_out:][:MAX_ROWS], rows[:n_held_out][:MAX_ROWS])


def _encoder(template: TabularVAEDetector, X: Table, rows: Positions) -> TableEncoder:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IdentifierColumnWarning)  # the shared model warns
        return fit_encoder(X, rows, template.column_kinds)


def _models(
    encoder: TableEncoder, cells: NDArray[np.float32], owners: Positions, keys: NDArray[np.str_]
) -> KeyedState:
    """The models of keys, in order of their rows, without a network."""
    n, n_keys = encoder.schema.n_numeric, len(keys)
    starts = np.searchsorted(owners, np.arange(n_keys + 1))
    parts = [cells[start:stop] for start, stop in pairwise(starts)]
    center, scale = _centers_and_scales([part[:, :n] for part in parts])
    return KeyedState(
        keys=keys,
        n_rows=np.diff(starts),
        center=center,
        scale=scale,
        ratio=_ratios([part[:, n:] for part in parts], encoder),
        starts=np.zeros(n_keys + 1, dtype=np.int64),
        scores=np.zeros(0),
        offsets=np.zeros(n_keys),
        rates=np.full(n_keys, np.nan),
        typical=np.zeros(len(encoder.schema.columns) + 1),
        table=TableState(encoder, ()),
    )


def _centers_and_scales(parts: list[NDArray[np.float32]]) -> tuple[Floats, Floats]:
    """Centre and scale of each number and key, (n_keys, n_numeric) each; scales shrink to that of all."""
    center, variance = np.moveaxis(np.array([_moments(part) for part in parts]), 1, 0)
    weight = np.array([[float(len(part))] for part in parts])
    pooled = variance.mean(axis=0)
    scale = np.sqrt((weight * variance + _PRIOR_ROWS * pooled) / (weight + _PRIOR_ROWS))
    return center, np.maximum(scale, _LEAST_SCALE)


def _moments(part: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Centre and variance of each number of the rows of a key, (n_numeric,) each.

    Cells farther than ``_REACH`` quartile ranges from the quartiles count as if they were there, so that a
    few extreme ones move neither. A number without any cell has the moments of the encoder.
    """
    cells, counts = np.sort(part.astype(np.float64), axis=0), (~np.isnan(part)).sum(axis=0)
    columns, last = np.arange(part.shape[1]), np.maximum(counts - 1, 0)
    first, third = cells[last // 4, columns], cells[last * 3 // 4, columns]
    reach = np.where(third > first, _REACH * (third - first), np.inf)
    cells = np.clip(cells, first - reach, third + reach)
    center = np.nansum(cells, axis=0) / np.maximum(counts, 1)
    variance = np.nansum((cells - center) ** 2, axis=0) / np.maximum(counts, 1)
    return center, np.where(counts > 0, variance, 1.0)


def _ratios(parts: list[NDArray[np.float32]], encoder: TableEncoder) -> NDArray[np.float32]:
    """Logs of the frequencies of categories, less those of all keys, shape (n_keys, n_categorical_cells)."""
    shares, widths = encoder.categories.frequencies, encoder.categories.widths
    hot = np.array([(part > 0.0).sum(axis=0) for part in parts]).reshape(len(parts), len(shares))
    each = np.split(hot, np.cumsum(widths)[:-1], axis=1) if widths else []
    present = np.array([counts.sum(axis=1) for counts in each]).reshape(len(widths), len(parts)).T
    own = hot + _PRIOR_CATEGORIES * shares
    return np.log(own / (np.repeat(present, widths, axis=1) + _PRIOR_CATEGORIES) / shares).astype(np.float32)


def _with_network(
    template: TabularVAEDetector,
    state: KeyedState,
    cells: NDArray[np.float32],
    owners: Positions,
    random: np.random.RandomState,
) -> tuple[KeyedState, History]:
    """The state with a network of the normalised rows of all keys."""
    rows = random.permutation(len(cells))
    n_watched = min(len(rows) // _WATCHED, _MAX_WATCHED)
    watched, trained = rows[:n_watched], rows[n_watched:][:MAX_TRAIN_ROWS]
    device, runtime = resolve_device(template.device), KeyedRuntime(state)
    x, watch = (
        torch.from_numpy(runtime.normalised(cells[part], owners[part])[0]).to(device)
        for part in (trained, watched)
    )
    model, history = fit_ensembles(
        state.table.encoder,
        [x],
        [watch],
        template._recipe(len(x), state.table.schema, is_fold=False),
        int(random.randint(2**31 - 1)),
        hidden_sizes=tuple(template.hidden_sizes),
        learning_rate=template.learning_rate,
        early_stopping=template.early_stopping,
        verbose=template.verbose,
    )
    return replace(state, table=model.state()), history


def _calibrated(state: KeyedState, X: Table, splits: list[_Split]) -> KeyedState:
    """The state with the scores and typical contributions of held-out rows."""
    sizes = [len(split.held_out) for split in splits]
    rows = np.concatenate([split.held_out for split in splits])
    owners, runtime = np.repeat(np.arange(len(state)), sizes), KeyedRuntime(state)
    with whole_rows(rows):
        scores = runtime.totals(take_rows(X, rows), owners)
    some = slice(None, None, max(len(rows) // _MAX_TYPICAL_ROWS, 1))
    contributions = runtime.contributions(take_rows(X, rows[some]), owners[some])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return replace(
        state,
        starts=starts,
        scores=np.concatenate([np.sort(part) for part in np.split(scores, starts[1:-1])]),
        typical=np.median(contributions - runtime.typical(owners[some]), axis=0),
    )


def sample_keyed(runtime: KeyedRuntime, owners: Positions, seed: int) -> pd.DataFrame:
    """A row drawn from the model of each of these keys, without the key."""
    state = runtime.state
    model = TableModel.from_state(state.table, torch.device("cpu"))
    cells = model.sample_cells(len(owners), seed)
    return state.table.encoder.inverse_transform(runtime.restored(cells, owners), drawn=True)

"""From a raw table to a trained TableModel: split, encode, start at pPCA, train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.detectors._members import Members
from anomaly_vae.detectors._model import TableModel
from anomaly_vae.detectors._progress import fit_progress
from anomaly_vae.detectors._recipe import MAX_CALIBRATION_ROWS, MAX_TRAIN_ROWS, Recipe
from anomaly_vae.errors import InputError
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.training import History, Schedule, fit_module

_MAX_START_ROWS = 20_000


@dataclass(frozen=True)
class Split:
    """Positions of the rows that are trained on, watched while training, and calibrated with."""

    train: NDArray[np.int64]
    watch: NDArray[np.int64]
    calibration: NDArray[np.int64]


def split_rows(
    n_rows: int, fraction: float | str, early_stopping: bool, random: np.random.RandomState
) -> Split:
    """Hold out a fraction of the rows, at least one, for calibration.

    Early stopping chooses by looking at held-out rows: it gets half of them, and calibration has
    the other half. Without it nothing is chosen, and the calibration rows may be watched.
    """
    order = random.permutation(n_rows)
    n_held_out = _n_held_out(n_rows, fraction)
    held_out, train = order[:n_held_out], order[n_held_out:][:MAX_TRAIN_ROWS]
    half = n_held_out // 2 if early_stopping else 0
    calibration = held_out[half:][:MAX_CALIBRATION_ROWS]
    watch = held_out[:half] if early_stopping else calibration
    return Split(np.sort(train), np.sort(watch), np.sort(calibration))


def n_calibration_rows(n_rows: int, fraction: float | str, early_stopping: bool) -> int:
    """How many of so many rows ``split_rows`` leaves for calibration: known before a fit takes its time."""
    n_held_out = _n_held_out(n_rows, fraction)
    watched = n_held_out // 2 if early_stopping else 0
    return min(n_held_out - watched, MAX_CALIBRATION_ROWS)


def _n_held_out(n_rows: int, fraction: float | str) -> int:
    share = _auto_fraction(n_rows) if isinstance(fraction, str) else fraction
    return min(max(round(share * n_rows), 1), n_rows - 1)


def _auto_fraction(n_rows: int) -> float:
    return min(max(0.1, 50 / n_rows), 0.2)


def fit_encoder(X: Table, rows: NDArray[np.int64]) -> tuple[TableEncoder, NDArray[np.float32]]:
    """The encoder of the training rows, and those rows encoded.

    Raises InputError where no column is left to model, CellError for a cell that cannot be read.
    """
    train = take_rows(X, rows)
    with whole_rows(rows):
        encoder = TableEncoder.fit(train)
        cells = encoder.transform(train)
    if not encoder.schema.features:
        kinds = ", ".join(f"{column.name} ({column.detail})" for column in encoder.schema.columns[:5])
        raise InputError(f"there is no column to model: {kinds}. Give at least one number or category")
    return encoder, cells


@one_thread()
def fit_model(
    encoder: TableEncoder,
    x: Tensor,
    watch: Tensor,
    recipe: Recipe,
    seed: int,
    *,
    hidden_sizes: tuple[int, ...],
    verbose: int,
    **training: Any,
) -> tuple[TableModel, History]:
    """A model of encoded rows x (n_rows, n_cells), trained; ``training`` goes to the Schedule."""
    generator = torch.Generator(x.device).manual_seed(seed)
    order = torch.randperm(len(x), generator=generator, device=x.device)[:_MAX_START_ROWS]
    members = Members(encoder, x[order], recipe, len(x), generator)
    network = members.network(hidden_sizes)
    schedule = Schedule(
        n_steps=recipe.n_steps,
        batch_size=recipe.batch_size,
        input_noise=recipe.input_noise,
        keep=recipe.keep,
        **training,
    )
    with fit_progress(recipe.n_steps, verbose) as on_check:
        history = fit_module(network.module, x, schedule, generator, watch, on_check)
    network.module.requires_grad_(False)
    return TableModel(encoder, members.weighted(network, members.partner())), history

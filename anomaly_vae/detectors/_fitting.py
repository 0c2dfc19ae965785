"""From a raw table to a trained TableModel: encode, initialise with pPCA, train."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.detectors._members import MemberBuilder
from anomaly_vae.detectors._model import TableModel
from anomaly_vae.detectors._progress import fit_progress
from anomaly_vae.detectors._recipe import Recipe
from anomaly_vae.errors import InputError
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.training import History, Schedule, fit_module

_MAX_START_ROWS = 20_000


def fit_encoder(X: Table, rows: NDArray[np.int64]) -> tuple[TableEncoder, NDArray[np.float32]]:
    """The encoder of the training rows, and those rows encoded.

    Raises InputError if no column is left to model, and CellError for a cell that cannot be read.
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
    """A model of encoded rows x (n_rows, n_cells), trained; ``training`` is passed to Schedule."""
    generator = torch.Generator(x.device).manual_seed(seed)
    order = torch.randperm(len(x), generator=generator, device=x.device)[:_MAX_START_ROWS]
    members = MemberBuilder(encoder, x[order], recipe, len(x), generator)
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
    return TableModel(encoder, members.weighted(network, members.closed_form())), history

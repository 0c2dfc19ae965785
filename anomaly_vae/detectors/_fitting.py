"""From a raw table to a trained TableModel: encode, initialise with pPCA, train, weigh the members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.detectors._members import MemberBuilder
from anomaly_vae.detectors._model import Member, TableModel, spread
from anomaly_vae.detectors._progress import fit_progress
from anomaly_vae.detectors._recipe import Recipe
from anomaly_vae.errors import InputError
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.training import History, Schedule, fit_modules

_BLOCK = 16_384
_MAX_START_ROWS = 20_000
_MAX_SPREAD_ROWS = 2_000
_LEAST_SPREAD_ROWS = 10
"""With fewer watched rows than this, the spread of a member is computed from its training rows."""


def fit_encoder(X: Table, rows: NDArray[np.int64], kinds: Mapping[str, str] | None = None) -> TableEncoder:
    """The encoder of these rows, of which some may be repeated, with the kinds of columns that are given.

    Raises InputError if no column is left to model, and CellError for a cell that cannot be read.
    """
    distinct, counts = np.unique(rows, return_counts=True)
    with whole_rows(distinct):
        repeats = counts if len(distinct) < len(rows) else None
        encoder = TableEncoder.fit(take_rows(X, distinct), repeats, kinds)
    if not encoder.schema.features:
        shown = ", ".join(f"{column.name} ({column.detail})" for column in encoder.schema.columns[:5])
        raise InputError(f"there is no column to model: {shown}. Give at least one number or category")
    return encoder


def encoded_rows(encoder: TableEncoder, X: Table, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Cells of some rows, shape (n_rows, n_cells); in blocks, whose floats take several times the memory."""
    cells = np.empty((len(rows), encoder.schema.n_cells), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        with whole_rows(some):
            cells[start : start + _BLOCK] = encoder.transform(take_rows(X, some))
    return cells


@one_thread()
def fit_ensembles(
    encoder: TableEncoder,
    x: Sequence[Tensor],
    watch: Sequence[Tensor],
    recipe: Recipe,
    seed: int,
    *,
    hidden_sizes: tuple[int, ...],
    verbose: int,
    **training: Any,
) -> tuple[TableModel, History]:
    """A model of one ensemble per split, trained; ``training`` is passed to Schedule.

    ``x`` and ``watch`` are the encoded rows of each split, (n_rows, n_cells) each, with as many rows in every
    split: those to train on, and others.
    """
    generator = torch.Generator(x[0].device).manual_seed(seed)
    builders = [_builder(encoder, rows, recipe, generator) for rows in x]
    networks = [builder.network(hidden_sizes) for builder in builders]
    schedule = Schedule(
        n_steps=recipe.n_steps,
        batch_size=recipe.batch_size,
        input_noise=recipe.input_noise,
        keep=recipe.keep,
        **training,
    )
    modules = [network.vae for network in networks]
    rows = _stacked(x), _stacked(watch)
    with fit_progress(recipe.n_steps, verbose) as on_check:
        history = fit_modules(modules, rows[0], schedule, generator, rows[1], on_check)
    for module in modules:
        module.requires_grad_(False)
    ensembles = [
        [*builder.closed_form(network), network] for builder, network in zip(builders, networks, strict=True)
    ]
    unseen = watch if sum(map(len, watch)) >= _LEAST_SPREAD_ROWS else x
    weights = _weights(ensembles, unseen, [weight for weight in recipe.weights if weight])
    return TableModel(encoder, [_weighted(members, weights) for members in ensembles]), history


def _stacked(x: Sequence[Tensor]) -> Tensor:
    """The rows of all splits, (n_splits, n_rows, n_cells); those of one split are not copied."""
    return torch.stack(list(x)) if len(x) > 1 else x[0][None]


def _builder(encoder: TableEncoder, x: Tensor, recipe: Recipe, generator: torch.Generator) -> MemberBuilder:
    order = torch.randperm(len(x), generator=generator, device=x.device)[:_MAX_START_ROWS]
    return MemberBuilder(encoder, x[order], recipe, len(x), generator)


def _weights(
    ensembles: Sequence[Sequence[Member]], rows: Sequence[Tensor], weights: Sequence[float]
) -> list[float]:
    """The weights of the members, the same in every ensemble, so that bounds count in units of their spread.

    In raw nats the member with the smallest noise would dominate. The spread of a member is computed from
    rows that it was not fitted to: a network's bounds of its training rows vary too little.
    """
    cells = [some[:_MAX_SPREAD_ROWS].cpu().numpy() for some in rows]
    shares = []
    for position, weight in enumerate(weights):
        bounds = [members[position].bounds(some) for members, some in zip(ensembles, cells, strict=True)]
        shares.append(weight / spread(np.concatenate([one - np.median(one) for one in bounds])))
    return [share / sum(shares) for share in shares]


def _weighted(members: Sequence[Member], weights: Sequence[float]) -> list[Member]:
    return [replace(member, weight=weight) for member, weight in zip(members, weights, strict=True)]

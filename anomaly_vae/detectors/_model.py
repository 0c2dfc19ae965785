"""TableModel: an encoder and one or more ensembles of members; raw rows to scores, latents and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from anomaly_vae import scoring
from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.nn.build import weights_of, with_weights
from anomaly_vae.nn.histogram import ColumnHistogram
from anomaly_vae.nn.priors import ExemplarPrior
from anomaly_vae.nn.threads import one_thread
from anomaly_vae.nn.vae import VAE
from anomaly_vae.runtime.blocks import blocks
from anomaly_vae.runtime.table import TableRuntime
from anomaly_vae.states.architecture import Architecture, Cells, MemberState
from anomaly_vae.states.table import TableState

Floats = NDArray[np.float64]

LEAST_SPREAD = 0.1
"""Smallest spread of a member's bounds, in nats: on a table of few categories all bounds may be equal."""


@dataclass(frozen=True)
class Member:
    """One density, or network with a bound on its density, and the draws that it scores with.

    Attributes
    ----------
    module : VAE or ColumnHistogram
        Its weights are frozen.
    architecture : Architecture
        What the module was built from.
    draw : array of shape (latent_dim,)
        The signs (+1 or -1) that, with their negatives, are the noise of every row at scoring.
    weight : float
        Weight of its bound in the score; the weights of all members sum to one.
    """

    module: VAE | ColumnHistogram
    architecture: Architecture
    draw: NDArray[np.float32]
    weight: float = 1.0

    @property
    def vae(self) -> VAE:
        """The module, if it is a VAE."""
        assert isinstance(self.module, VAE)
        return self.module

    @property
    def device(self) -> torch.device:
        """The device of the module."""
        return self.module.likelihood.frequencies.device

    def terms(self, cells: NDArray[np.float32]) -> Floats:
        """Terms of the bound of encoded rows in nats, the latent one last, (n_rows, n_features + 1)."""
        block = scoring.padded(cells, self.device)
        noise = torch.from_numpy(self.draw).to(self.device)
        return scoring.elbo_terms(self.module, block, noise)[: len(cells)]

    def bounds(self, cells: NDArray[np.float32]) -> Floats:
        """The bound of encoded rows in nats, (n_rows,): the sum of the terms."""
        block = scoring.padded(cells, self.device)
        noise = torch.from_numpy(self.draw).to(self.device)
        return scoring.elbo_totals(self.module, block, noise)[: len(cells)]

    def contributions(self, cells: NDArray[np.float32], divide_all: bool) -> Floats:
        """The terms, with the cost of the distance from the centre of the prior divided among the numbers.

        The centre is the nearest exemplar if the prior has exemplars. Without ``divide_all`` only their cost
        is divided, as in earlier model files.
        """
        terms, module = self.terms(cells), self.module
        if isinstance(module, VAE) and (divide_all or isinstance(module.prior, ExemplarPrior)):
            block = scoring.padded(cells, self.device)
            charged = scoring.distance_contributions(module, block)[: len(cells)]
            terms[:, : charged.shape[1]] += charged
            terms[:, -1] -= charged.sum(axis=1)
        return terms

    def state(self) -> MemberState:
        """The settings and weights of the member."""
        return MemberState(self.architecture, weights_of(self.module), self.draw, self.weight)

    @classmethod
    def from_state(cls, state: MemberState, cells: Cells, device: torch.device) -> Member:
        """The member with these settings and weights."""
        module = with_weights(state.architecture, cells, state.weights)
        return cls(module.to(device), state.architecture, state.draw, state.weight)


class TableModel:
    """A fitted model: one encoder, and ensembles of members whose bounds are averaged by weight.

    The weighted mean of the members' lower bounds is a lower bound on that of their log densities,
    which is, up to its normaliser, the log of a product of experts. A small table has one ensemble per fold,
    and the score is the largest of their bounds: a lower bound, up to the log of their number, on the log of
    their mixture.

    Parameters
    ----------
    encoder : TableEncoder
    ensembles : sequence of sequences of Member
        The last member of each is a trained network; that of the first encodes, decodes and samples.
    divide_all : bool, default=True
        Whether contributions divide the distance from the centre of every prior among the numbers.
    """

    def __init__(
        self, encoder: TableEncoder, ensembles: Sequence[Sequence[Member]], divide_all: bool = True
    ) -> None:
        self.encoder, self.ensembles = encoder, tuple(map(tuple, ensembles))
        self._divide_all = divide_all

    @cached_property
    def _runtime(self) -> TableRuntime | None:
        """The compiled model; None on a GPU, where torch scores."""
        return TableRuntime(self.state()) if self.network.device.type == "cpu" else None

    @property
    def network(self) -> Member:
        """The network that encodes, decodes and samples."""
        return self.ensembles[0][-1]

    @property
    def latent_dim(self) -> int:
        """Width of the latent space of ``network``."""
        return self.network.architecture.latent_dim

    def totals(self, X: Table) -> Floats:
        """The bound of each row of a table, shape (n_rows,), in nats."""
        return np.asarray(self.bounds(X).max(axis=1))

    def bounds(self, X: Table) -> Floats:
        """The bound of each row by each ensemble, shape (n_rows, n_ensembles), in nats."""
        if self._runtime:
            return self._runtime.bounds(X)
        bounds = np.empty((len(X), len(self.ensembles)))

        def score(rows: slice) -> None:
            bounds[rows] = self._bounds(self._cells(X, rows)).T

        scoring.for_each_block(len(X), score)
        return bounds

    def contributions(self, X: Table) -> Floats:
        """The bound by column, the latent term last, shape (n_rows, n_columns + 1), in nats.

        The latent term is the part that does not depend on the distance from the nearest exemplar, or from
        the centre of the latent space. The rest is divided among the numbers in which the two expected rows
        differ.
        """
        if self._runtime:
            return self._runtime.contributions(X)
        best = self.bounds(X).argmax(axis=1)
        contributions = np.empty((len(X), len(self.encoder.readers) + 1))
        for position in range(len(self.ensembles)):
            chosen = np.flatnonzero(best == position)
            with whole_rows(chosen):
                contributions[chosen] = self.contributions_of(take_rows(X, chosen), position)
        return contributions

    def contributions_of(self, X: Table, position: int) -> Floats:
        """``contributions`` to the bound of one ensemble, computed by torch."""
        n_columns = len(self.encoder.readers)
        owners = np.array([*self.encoder.schema.owners, n_columns])
        contributions = np.zeros((len(X), n_columns + 1))

        def score(rows: slice) -> None:
            cells = self._cells(X, rows)
            for member in self.ensembles[position]:
                terms = member.weight * member.contributions(cells, self._divide_all)
                np.add.at(contributions[rows].T, owners, terms.T)

        scoring.for_each_block(len(X), score)
        return contributions

    def _bounds(self, cells: NDArray[np.float32]) -> Floats:
        """The bounds of encoded rows, shape (n_ensembles, n_rows), in nats."""
        return np.array(
            [sum(member.weight * member.bounds(cells) for member in ensemble) for ensemble in self.ensembles]
        )

    @one_thread()
    @torch.no_grad()
    def encode(self, X: Table) -> Floats:
        """Posterior means, shape (n_rows, latent_dim)."""
        codes = np.empty((len(X), self.latent_dim))
        for rows in blocks(len(X), scoring.BLOCK):
            cells = self._cells(X, rows)
            mean, _ = self.network.vae.encode(scoring.padded(cells, self.network.device))
            codes[rows] = mean[: len(cells)].cpu().numpy()
        return codes

    def decode(self, z: NDArray[np.float32]) -> pd.DataFrame:
        """Expected rows of latents (n_rows, latent_dim), in the columns and units of the table."""
        return self.encoder.inverse_transform(self._decoded(z))

    def expected_rows(self, X: Table) -> pd.DataFrame:
        """Expected row of each row, rounded and in the range of the training rows, without missing cells."""
        if self._runtime:
            return self._runtime.expected_rows(X)
        cells = self._decoded(self.encode(X).astype(np.float32))
        return self.encoder.inverse_transform(cells, drawn=True, filled=True)

    @one_thread()
    @torch.no_grad()
    def _decoded(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encoded expected rows of latents, (n_rows, n_cells)."""
        network, cells = self.network, np.empty((len(z), self.encoder.schema.n_cells), dtype=np.float32)
        for rows in blocks(len(z), scoring.BLOCK):
            location = network.vae.decode(scoring.padded(z[rows], network.device))
            expected = network.vae.likelihood.probabilities(location)[: rows.stop - rows.start]
            cells[rows] = expected.cpu().numpy()
        return cells

    def sample(self, n_rows: int, seed: int) -> pd.DataFrame:
        """Rows drawn from the model, in the columns and units of the table."""
        return self.encoder.inverse_transform(self.sample_cells(n_rows, seed), drawn=True)

    @one_thread()
    @torch.no_grad()
    def sample_cells(self, n_rows: int, seed: int) -> NDArray[np.float32]:
        """Encoded rows drawn from the model, shape (n_rows, n_cells)."""
        network, cells = self.network, np.empty((n_rows, self.encoder.schema.n_cells), dtype=np.float32)
        generator = torch.Generator(network.device).manual_seed(seed)
        for rows in blocks(n_rows, scoring.BLOCK):
            size = (rows.stop - rows.start, self.latent_dim)
            z = torch.randn(size, generator=generator, device=network.device)
            cells[rows] = network.vae.likelihood.sample(network.vae.decode(z), generator).cpu().numpy()
        return cells

    def state(self) -> TableState:
        """The encoder, and the settings and weights of the members."""
        ensembles = tuple(tuple(member.state() for member in ensemble) for ensemble in self.ensembles)
        return TableState(self.encoder, ensembles, self._divide_all)

    @classmethod
    def from_state(cls, state: TableState, device: torch.device) -> TableModel:
        """The model with this state."""
        ensembles = [
            [Member.from_state(member, state.schema, device) for member in ensemble]
            for ensemble in state.ensembles
        ]
        return cls(state.encoder, ensembles, state.divide_all)

    def _cells(self, X: Table, rows: slice) -> NDArray[np.float32]:
        """One block of rows, encoded."""
        with whole_rows(rows):
            return self.encoder.transform(take_rows(X, rows))


def spread(bounds: Floats) -> float:
    """Median absolute deviation of bounds from their median, in nats, at least ``LEAST_SPREAD``."""
    return max(float(np.median(np.abs(bounds - np.median(bounds)))), LEAST_SPREAD)

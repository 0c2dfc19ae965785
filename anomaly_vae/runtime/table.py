"""TableRuntime: raw rows of a table to bounds, contributions, codes and expected rows, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.table import Table, TableEncoder, take_rows, whole_rows
from anomaly_vae.runtime.blocks import blocks, for_each_block
from anomaly_vae.runtime.bounds import bounds_model, contributions_model
from anomaly_vae.runtime.network import decoder_model, encoder_model
from anomaly_vae.runtime.session import Session
from anomaly_vae.states.architecture import MemberState
from anomaly_vae.states.table import TableState

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

BLOCK = 1024
"""Rows that are scored at a time."""


class TableRuntime:
    """The compiled model of a table.

    Parameters
    ----------
    state : TableState
        The encoder and the weights, which are compiled at first use.
    """

    def __init__(self, state: TableState) -> None:
        self.state = state

    @property
    def encoder(self) -> TableEncoder:
        """The encoder of the columns."""
        return self.state.encoder

    @property
    def ensembles(self) -> tuple[tuple[MemberState, ...], ...]:
        """The members whose bounds are averaged; the score is the largest of the bounds."""
        return self.state.ensembles

    @property
    def network(self) -> MemberState:
        """The network that encodes and decodes."""
        return self.ensembles[0][-1]

    @property
    def latent_dim(self) -> int:
        """Width of the latent space of ``network``."""
        return self.network.architecture.latent_dim

    def bounds(self, X: Table) -> Floats:
        """The bound of each row by each ensemble, shape (n_rows, n_ensembles), in nats."""
        return self._compute(self._bounds, X, len(self.state.ensembles))

    def totals(self, X: Table) -> Floats:
        """The largest bound of each row, shape (n_rows,), in nats."""
        return np.asarray(self.bounds(X).max(axis=1))

    def contributions(self, X: Table) -> Floats:
        """The largest bound by column, the latent term last, shape (n_rows, n_columns + 1), in nats.

        The latent term is the part that does not depend on the distance from the nearest exemplar, or from
        the centre of the latent space. The rest is divided among the numbers in which the two expected rows
        differ.
        """
        return self._compute(self._contributions, X, len(self.state.schema.columns) + 1)

    def contributions_of(self, X: Table, position: int) -> Floats:
        """``contributions`` to the bound of one ensemble."""
        return self._compute(self._contributions_of_each[position], X, len(self.state.schema.columns) + 1)

    def encode(self, X: Table) -> NDArray[np.float64]:
        """Posterior means of the latents, shape (n_rows, latent_dim)."""
        return self._compute(self._encoder, X, self.latent_dim)

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float64] | pd.DataFrame:
        """Expected rows of latents (n_rows, latent_dim), in the columns and units of the table.

        An array if all columns are numbers.
        """
        return self.encoder.expected(self._decoded(z))

    def restored(self, z: NDArray[np.float32]) -> pd.DataFrame:
        """Rows of latents (n_rows, latent_dim), rounded and in the range of the training rows."""
        return self.encoder.inverse_transform(self._decoded(z), drawn=True)

    def expected_rows(self, X: Table) -> pd.DataFrame:
        """Expected row of each row, rounded and in the range of the training rows, without missing cells."""
        cells = self._decoded(self.encode(X).astype(np.float32))
        return self.encoder.inverse_transform(cells, drawn=True, filled=True)

    def _decoded(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Encoded expected rows of latents, (n_rows, n_cells)."""
        cells = np.empty((len(z), self.state.schema.n_cells), dtype=np.float32)
        for rows in blocks(len(z), BLOCK):
            cells[rows] = self._decoder(z[rows])
        return cells

    @cached_property
    def _encoder(self) -> Session:
        return Session(encoder_model(self.state.schema, self.network))

    @cached_property
    def _decoder(self) -> Session:
        return Session(decoder_model(self.state.schema, self.network))

    @cached_property
    def _bounds(self) -> Session:
        return Session(bounds_model(self.state.schema, self.state.ensembles))

    @cached_property
    def _contributions(self) -> Session:
        state = self.state
        return Session(contributions_model(state.schema, state.ensembles, divide_all=state.divide_all))

    @cached_property
    def _contributions_of_each(self) -> list[Session]:
        state = self.state
        return [
            Session(contributions_model(state.schema, (ensemble,), divide_all=state.divide_all))
            for ensemble in state.ensembles
        ]

    def _compute(self, session: Callable[[NDArray[np.float32]], Floats], X: Table, n_outputs: int) -> Floats:
        result = np.empty((len(X), n_outputs))

        def compute(rows: slice) -> None:
            with whole_rows(rows):
                cells = self.state.encoder.transform(take_rows(X, rows))
            result[rows] = session(cells)

        for_each_block(len(X), compute, BLOCK)
        return result

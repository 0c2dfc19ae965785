"""KeyedRuntime: rows and their keys to scores and contributions, each by the model of its key, on the CPU.

The model of a key centres and scales the numbers of its rows, and the network that all keys share scores what
comes out. The change of variables, and the log of how much more frequent each category is for this key, make
it a density of the row:

    score = bound(normalised cells) - sum of log scales + sum of log(frequency / shared frequency)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.numeric import LINEAR, squash, unsquash
from anomaly_vae.columns.table import Table, take_rows, whole_rows
from anomaly_vae.runtime.blocks import for_each_block
from anomaly_vae.runtime.bounds import bounds_model, contributions_model
from anomaly_vae.runtime.network import decoder_model, encoder_model
from anomaly_vae.runtime.session import Session
from anomaly_vae.runtime.table import BLOCK
from anomaly_vae.states.keyed import KeyedState, Positions

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Cells = NDArray[np.float32]

_MOST_CELL = 1e6


class KeyedRuntime:
    """The compiled models of keys.

    Parameters
    ----------
    state : KeyedState
        The network is compiled at first use.
    """

    def __init__(self, state: KeyedState) -> None:
        self.state = state

    def totals(self, X: Table, owners: Positions) -> Floats:
        """The score of each row by the model of its key, shape (n_rows,), in nats.

        ``owners`` are positions of keys, shape (n_rows,).
        """

        def score(cells: Cells, keys: Positions) -> Floats:
            normal, terms = self.normalised(cells, keys)
            return np.asarray(self._bounds(normal)[:, 0] + terms.sum(axis=1))

        return self._compute(score, X, owners, ())

    def contributions(self, X: Table, owners: Positions) -> Floats:
        """The score by column, the latent term last, shape (n_rows, n_columns + 1), in nats."""

        def score(cells: Cells, keys: Positions) -> Floats:
            normal, terms = self.normalised(cells, keys)
            return self._contributions(normal) + terms @ self._columns_of_cells

        return self._compute(score, X, owners, (len(self.state.table.schema.columns) + 1,))

    def elbo(self, X: Table, owners: Positions) -> Floats:
        """The score plus the change of variables of the encoder, shape (n_rows,), in nats."""
        jacobian: Floats = self.state.table.encoder.log_jacobian(X).sum(axis=1)
        return self.totals(X, owners) + jacobian

    def typical(self, owners: Positions) -> Floats:
        """Typical contributions by column for rows of keys, shape (n_rows, n_columns + 1), in nats."""
        n = self.state.table.schema.n_numeric
        return self.state.typical - self._log_scale[owners] @ self._columns_of_cells[:n]

    def normalised(self, cells: Cells, owners: Positions) -> tuple[Cells, Floats]:
        """Cells as the network reads them, and the nats that the key adds, both (n_rows, n_cells)."""
        state, n = self.state, self.state.table.schema.n_numeric
        numbers = (cells[:, :n] - state.center[owners]) / state.scale[owners]
        terms = np.zeros(cells.shape)
        slope = self._log_scale[owners]
        beyond = np.abs(numbers) - LINEAR
        if (beyond > 0.0).any():
            slope = slope + np.log1p(np.maximum(beyond, 0.0))
            numbers = squash(numbers)
        terms[:, :n] = np.where(np.isnan(numbers), 0.0, -slope)
        if cells.shape[1] > n:
            terms[:, n:] = np.where(cells[:, n:] > 0.0, state.ratio[owners], 0.0)
        normal = cells.copy()
        normal[:, :n] = numbers
        return normal, terms

    def restored(self, cells: Cells, owners: Positions) -> Cells:
        """Cells of the encoder from cells of the network, both of shape (n_rows, n_cells)."""
        state, n = self.state, self.state.table.schema.n_numeric
        result = cells.copy()
        with np.errstate(over="ignore"):
            numbers = unsquash(cells[:, :n].astype(np.float64)) * state.scale[owners] + state.center[owners]
        result[:, :n] = np.clip(numbers, -_MOST_CELL, _MOST_CELL)
        return result

    def expected_rows(self, X: Table, owners: Positions) -> pd.DataFrame:
        """Expected row of each row, rounded and in the range of the training rows, without missing cells."""

        def expect(cells: Cells, keys: Positions) -> Cells:
            codes = self._encoder(self.normalised(cells, keys)[0])
            return self.restored(self._decoder(codes.astype(np.float32)).astype(np.float32), keys)

        table = self.state.table
        cells = self._compute(expect, X, owners, (table.schema.n_cells,))
        return table.encoder.inverse_transform(cells, drawn=True, filled=True)

    def _compute(
        self,
        score: Callable[[Cells, Positions], NDArray[Any]],
        X: Table,
        owners: Positions,
        shape: tuple[int, ...],
    ) -> Floats:
        result = np.empty((len(X), *shape))

        def compute(rows: slice) -> None:
            with whole_rows(rows):
                cells = self.state.table.encoder.transform(take_rows(X, rows))
            result[rows] = score(cells, owners[rows])

        for_each_block(len(X), compute, BLOCK)
        return result

    @cached_property
    def _bounds(self) -> Session:
        return Session(bounds_model(self.state.table.schema, self.state.table.ensembles))

    @cached_property
    def _contributions(self) -> Session:
        table = self.state.table
        return Session(contributions_model(table.schema, table.ensembles, divide_all=table.divide_all))

    @cached_property
    def _encoder(self) -> Session:
        return Session(encoder_model(self.state.table.schema, self.state.table.ensembles[0][-1]))

    @cached_property
    def _decoder(self) -> Session:
        return Session(decoder_model(self.state.table.schema, self.state.table.ensembles[0][-1]))

    @cached_property
    def _log_scale(self) -> Floats:
        return np.log(self.state.scale)

    @cached_property
    def _columns_of_cells(self) -> Floats:
        """Which column each cell belongs to, shape (n_cells, n_columns + 1)."""
        schema = self.state.table.schema
        columns = np.zeros((schema.n_cells, len(schema.columns) + 1))
        for feature in schema.features:
            columns[feature.span.start : feature.span.stop, feature.owner] = 1.0
        return columns

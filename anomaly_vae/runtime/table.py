"""TableRuntime: raw rows of a table to bounds and contributions, on the CPU."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.table import Table, take_rows, whole_rows
from anomaly_vae.runtime.blocks import for_each_block
from anomaly_vae.runtime.bounds import bounds_model, contributions_model
from anomaly_vae.runtime.session import Session
from anomaly_vae.states.table import TableState

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
        self._state = state

    def bounds(self, X: Table) -> Floats:
        """The bound of each row by each ensemble, shape (n_rows, n_ensembles), in nats."""
        return self._compute(self._bounds, X, len(self._state.ensembles))

    def totals(self, X: Table) -> Floats:
        """The largest bound of each row, shape (n_rows,), in nats."""
        return np.asarray(self.bounds(X).max(axis=1))

    def contributions(self, X: Table) -> Floats:
        """The largest bound by column, the latent term last, shape (n_rows, n_columns + 1), in nats.

        The latent term is the part that does not depend on the distance from the nearest exemplar, or from
        the centre of the latent space. The rest is divided among the numbers in which the two expected rows
        differ.
        """
        return self._compute(self._contributions, X, len(self._state.schema.columns) + 1)

    @cached_property
    def _bounds(self) -> Session:
        return Session(bounds_model(self._state.schema, self._state.ensembles))

    @cached_property
    def _contributions(self) -> Session:
        state = self._state
        return Session(contributions_model(state.schema, state.ensembles, divide_all=state.divide_all))

    def _compute(self, session: Session, X: Table, n_outputs: int) -> Floats:
        result = np.empty((len(X), n_outputs))

        def compute(rows: slice) -> None:
            with whole_rows(rows):
                cells = self._state.encoder.transform(take_rows(X, rows))
            result[rows] = session(cells)

        for_each_block(len(X), compute, BLOCK)
        return result

"""KeyModel and KeyedModel: the model of one key, and all of them beside a shared model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.columns.keys import NO_MODEL, KeyColumn
from anomaly_vae.columns.table import Table, take_rows, whole_rows
from anomaly_vae.decisions import Decisions, Floats, summary
from anomaly_vae.errors import InputError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.runtime.keyed import KeyedRuntime
from anomaly_vae.states.keyed import KeyedState, Positions
from anomaly_vae.tails import SeverityScale

if TYPE_CHECKING:
    import pandas as pd


class KeyModel(Decisions):
    """The model of one key: scores and decisions of rows without the column of keys.

    Attributes
    ----------
    key : str
    offset_, false_alarm_rate_, tail_, threshold_interval_, false_alarm_interval_, calibration_scores_
        Its threshold, as in ``TabularVAEDetector``.
    """

    def __init__(self, runtime: KeyedRuntime, position: int) -> None:
        state, self.runtime, self.position = runtime.state, runtime, position
        rate = float(state.rates[position])
        self.key, self.offset_ = str(state.keys[position]), float(state.offsets[position])
        self.false_alarm_rate_, self.tail_ = (None if np.isnan(rate) else rate), state.tail(position)
        self.calibration_scores_ = state.calibration_scores(position)
        self.latent_dim_ = state.table.ensembles[0][-1].architecture.latent_dim
        self.training_ = {"n_rows": int(state.n_rows[position])}

    @cached_property
    def severity_scale(self) -> SeverityScale:
        """The severities of scores."""
        return SeverityScale.fit(self.calibration_scores_)

    def metadata(self) -> dict[str, Any]:
        """A JSON-serialisable summary: the columns, the rows fitted on, and the threshold."""
        columns = [asdict(column) for column in self.runtime.state.table.schema.columns]
        return summary(self, "KeyModel", {"key": self.key}, {"schema": columns})

    def _checked(self, X: Any) -> Table:
        table: Table = X if hasattr(X, "iloc") else np.asarray(X)
        n_columns = len(self.runtime.state.table.schema.columns)
        if table.ndim != 2 or table.shape[1] != n_columns:
            raise InputError(f"rows of one key have {n_columns} columns, without the key; got {table.shape}")
        return table

    def _score_samples(self, X: Table) -> Floats:
        return self.runtime.totals(X, np.full(len(X), self.position))


class KeyedModel:
    """A shared model, and the models of keys, for rows with their key in one column.

    Parameters
    ----------
    shared : TabularVAEDetector or TableScorer
        Scores rows without a model of their own, and without their key.
    state : KeyedState or None
        The models of keys; None if no key had enough rows.
    column : KeyColumn
        Where the key is.
    """

    def __init__(self, shared: TableExplanations, state: KeyedState | None, column: KeyColumn) -> None:
        self.shared, self.column = shared, column
        self.runtime = None if state is None else KeyedRuntime(state)
        self._members: dict[int, KeyModel] = {}

    @property
    def keys(self) -> NDArray[np.str_]:
        """The keys that have a model, ascending."""
        return np.zeros(0, dtype=str) if self.runtime is None else self.runtime.state.keys

    def member(self, position: int) -> KeyModel:
        """The model of one key, which is made at first use."""
        assert self.runtime is not None
        if position not in self._members:
            self._members[position] = KeyModel(self.runtime, position)
        return self._members[position]

    def owners(self, X: Table) -> Positions:
        """The position of the model of each row, shape (n_rows,); ``NO_MODEL`` for the shared one."""
        return self.column.positions(X, self.keys)

    def totals(self, X: Table, owners: Positions) -> Floats:
        """The score of each row, shape (n_rows,), in nats."""
        return self._by_model(X, owners, self.shared.score_samples, "totals")

    def elbo(self, X: Table, owners: Positions) -> Floats:
        """Lower bounds on log densities in the units of the table, shape (n_rows,), in nats."""
        return self._by_model(X, owners, self.shared.elbo, "elbo")

    def contributions(self, X: Table, owners: Positions) -> Floats:
        """The score by column, 0 for the key, the latent term last: (n_rows, n_columns + 1), in nats."""
        shared = self.shared

        def contributions(rows: Table) -> Floats:
            return np.asarray(shared.score_contributions(rows))

        result = self._by_model(X, owners, contributions, "contributions")
        return np.insert(result, self.column.position, 0.0, axis=1)

    def typical(self, owners: Positions) -> Floats:
        """Typical contributions of the model of each row, shape (n_rows, n_columns + 1), in nats."""
        result = np.repeat(self.shared.typical_contributions_[None], len(owners), axis=0)
        own = owners != NO_MODEL
        if self.runtime is not None:
            result[own] = self.runtime.typical(owners[own])
        return np.insert(result, self.column.position, 0.0, axis=1)

    def expected_rows(self, X: Table, owners: Positions) -> pd.DataFrame:
        """The row that the model of each row expects, with the key as it was given."""
        import pandas as pd

        features, parts = self.column.features(X), []
        for is_own in (True, False):
            rows = np.flatnonzero((owners != NO_MODEL) == is_own)
            if not len(rows):
                continue
            some = take_rows(features, rows)
            if is_own and self.runtime is not None:
                expected = self.runtime.expected_rows(some, owners[rows])
            else:
                expected = pd.DataFrame(self.shared.reconstruct(some))
            parts.append(expected.set_axis(rows, axis=0).set_axis(range(expected.shape[1]), axis=1))
        result = pd.concat(parts).sort_index()
        keys = X[:, self.column.position] if isinstance(X, np.ndarray) else X.iloc[:, self.column.position]
        result.insert(self.column.position, "key", np.asarray(keys, dtype=object))
        return result.set_axis(range(result.shape[1]), axis=1)

    def _by_model(self, X: Table, owners: Positions, shared: Callable[[Table], Floats], own: str) -> Floats:
        """What the shared model, or a method of the models of keys, gives for each row."""
        features, is_own = self.column.features(X), owners != NO_MODEL
        if is_own.all():
            return np.asarray(getattr(self.runtime, own)(features, owners))
        rest = np.flatnonzero(~is_own)
        with whole_rows(rest):
            values = shared(take_rows(features, rest))
        result = np.empty((len(owners), *values.shape[1:]))
        result[rest] = values
        chosen = np.flatnonzero(is_own)
        if len(chosen):
            with whole_rows(chosen):
                result[chosen] = getattr(self.runtime, own)(take_rows(features, chosen), owners[chosen])
        return result

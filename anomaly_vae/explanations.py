"""TableExplanations: decisions about the rows of a table, and the columns that explain them.

The estimator and the scorer of a model file share it, so it imports no scikit-learn, and pandas only for
results that are frames.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from anomaly_vae.columns.table import LATENT, Table, TableEncoder
from anomaly_vae.decisions import Decisions, Floats, finite
from anomaly_vae.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike


class ModelOfTable(Protocol):
    """What scores a table: raw rows to nats."""

    @property
    def encoder(self) -> TableEncoder:
        """The encoder of the columns."""

    @property
    def ensembles(self) -> Sequence[Any]:
        """One or more ensembles of members."""

    def totals(self, X: Table) -> Floats:
        """The bound of each row, shape (n_rows,), in nats."""

    def contributions(self, X: Table) -> Floats:
        """The bound by column, the latent term last, shape (n_rows, n_columns + 1), in nats."""

    def expected_rows(self, X: Table) -> pd.DataFrame:
        """The row that the network expects for each row, rounded, in the range of the training rows."""


class TableExplanations(Decisions):
    """Decisions from the bounds of a model of a table, and contributions of the columns to them."""

    model_: ModelOfTable
    typical_contributions_: Floats

    def score_contributions(self, X: ArrayLike | pd.DataFrame) -> pd.DataFrame:
        """Contribution of each column, and of the latent term, to the score; rows sum to ``score_samples``.

        One column per feature, in order, and ``latent`` last; shape (n_rows, n_features_in_ + 1), in nats. A
        detector that learned from verdicts has one more, ``verdicts``, for rows like those that were judged.

        The contribution of a column is the weighted sum of its terms in the bounds. That of a number includes
        a share of the distance from the nearest exemplar, or from the centre of the latent space, in
        proportion to its squared difference. The latent term is the remainder.
        """
        import pandas as pd

        self._check_is_fitted()
        table = self._checked(X)
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(
            finite(self._contributions(table)), index=index, columns=self._contribution_names()
        )

    def explain(self, X: ArrayLike | pd.DataFrame, n_columns: int = 3) -> list[list[tuple[str, float]]]:
        """The columns that lower the score of each row most: (name, nats below the typical contribution).

        At most ``n_columns`` per row, worst first; columns at or above their typical contribution are left
        out.
        """
        explained = self.explain_shares(X, n_columns)
        return [[(name, nats) for name, nats, _ in reasons] for reasons in explained]

    def explain_shares(
        self, X: ArrayLike | pd.DataFrame, n_columns: int = 3
    ) -> list[list[tuple[str, float, float]]]:
        """``explain`` with the share of each column in the shortfall, from 0 to 1: (name, nats, share).

        The shortfall of a row is the sum over all columns that are below their typical contribution.
        """
        self._check_is_fitted()
        contributions = finite(self._contributions(self._checked(X)))
        costs = np.minimum(contributions - self._typical_contributions(), 0.0)
        worst = np.argsort(costs, axis=1, kind="stable")[:, :n_columns]
        named = np.take_along_axis(costs, worst, axis=1)
        shares = named / np.minimum(costs.sum(axis=1, keepdims=True), -np.finfo(np.float64).tiny)
        names = self._contribution_names()
        return [
            [(names[j], cost, share) for j, cost, share in zip(*reasons, strict=True) if cost < 0]
            for reasons in zip(worst.tolist(), named.tolist(), shares.tolist(), strict=True)
        ]

    def elbo(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Lower bound on the log density of each row in the table's own units, shape (n_rows,), in nats.

        ``score_samples``, before any verdict, plus the change of variables of every number that is present,
        less the log of the number of ensembles, whose mixture has this density. Categories and dates count in
        their encoded form; columns that are left out do not count.
        """
        self._check_is_fitted()
        table = self._checked(X)
        jacobian: Floats = self.model_.encoder.log_jacobian(table).sum(axis=1)
        return finite(self.model_.totals(table) + jacobian - math.log(len(self.model_.ensembles)))

    @property
    def schema_(self) -> Schema:
        """The kind of each column, and the cells that it is encoded to."""
        return self.model_.encoder.schema

    def _score_samples(self, X: Table) -> Floats:
        return self.model_.totals(X)

    def _contributions(self, X: Table) -> Floats:
        """Contributions to the scores of a checked table, shape (n_rows, n_contributions), in nats."""
        return self.model_.contributions(X)

    def _contribution_names(self) -> list[str]:
        """Names of the contributions."""
        return [*self.schema_.names, LATENT]

    def _typical_contributions(self) -> Floats:
        """Typical contributions, shape (n_contributions,), in nats."""
        return self.typical_contributions_

    def _input_metadata(self) -> dict[str, Any]:
        return {"schema": [asdict(column) for column in self.schema_.columns]}

"""TableExplanations: decisions about the rows of a table, and the columns that explain them.

The estimator and the scorer of a model file share it, so it imports no scikit-learn, and pandas only for
results that are frames.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from anomaly_vae.columns.frames import converted, like_frame
from anomaly_vae.columns.table import LATENT, Table, TableEncoder
from anomaly_vae.decisions import Decisions, Floats, finite
from anomaly_vae.reason_frames import columns_of, reasons_frame
from anomaly_vae.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


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

    def contributions_of(self, X: Table, position: int) -> Floats:
        """``contributions`` to the bound of one ensemble."""

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
        costs = np.minimum(self._changes(X), 0.0)
        worst = np.argsort(costs, axis=1, kind="stable")[:, :n_columns]
        named = np.take_along_axis(costs, worst, axis=1)
        shares = named / np.minimum(costs.sum(axis=1, keepdims=True), -np.finfo(np.float64).tiny)
        names = self._contribution_names()
        return [
            [(names[j], cost, share) for j, cost, share in zip(*reasons, strict=True) if cost < 0]
            for reasons in zip(worst.tolist(), named.tolist(), shares.tolist(), strict=True)
        ]

    def explain_frame(self, X: ArrayLike | pd.DataFrame, n_columns: int | None = None) -> pd.DataFrame:
        """What lowered the scores, as a DataFrame with one line per row and column that cost.

        Columns at or above their typical contribution are left out. ``anomaly_vae.explain_frame`` does the
        same for a Pipeline.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
            The rows.
        n_columns : int, optional
            The most lines per row; all columns that cost by default.

        Returns
        -------
        DataFrame
            ``row`` is the index of the row in X, or its position in an array; ``column`` the name of the
            column; ``nats`` how far its contribution is below the typical one, negative; ``observed`` its
            cell; ``expected`` its cell in ``reconstruct(X)``. The latent term, and that of verdicts, have no
            cells: both are NaN. Rows are in order, the worst column of each first.
        """
        import pandas as pd

        X = converted(X)
        changes, expected = self._changes(X), self.reconstruct(X)
        index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(changes))
        observed = X if isinstance(X, pd.DataFrame) else self._checked(X)
        cells = columns_of(observed), columns_of(expected)
        return reasons_frame(index, self._contribution_names(), changes, *cells, n_columns)

    def reconstruct(self, X: ArrayLike | pd.DataFrame) -> Any:
        """The reconstruction of each row by the model; missing cells are filled in.

        A DataFrame gives one with its columns and index, and with its dtypes where they can hold expected
        values: those of integers are floats.
        """
        self._check_is_fitted()
        given: Any = converted(X)
        rows = self._expected_rows(self._checked(given))
        return like_frame(rows, given) if hasattr(given, "iloc") else rows

    def unseen(self, X: ArrayLike | pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
        """Which rows hold a value that no training row has, by column: masks of shape (n_rows,).

        Only categories have such values, and columns that were constant; only columns with any are there.
        Rows that were held out to calibrate the threshold are not training rows.
        """
        self._check_is_fitted()
        found = self.model_.encoder.unseen(self._checked(X))
        return {self.schema_.columns[j].name: mask for j, mask in found.items()}

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

    @abstractmethod
    def _expected_rows(self, X: Table) -> Any:
        """The reconstruction of each row of a checked table, as a DataFrame or array."""

    def _changes(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Contributions above their typical values, shape (n_rows, n_contributions), in nats."""
        self._check_is_fitted()
        return finite(self._contributions(self._checked(X))) - self._typical_contributions()

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

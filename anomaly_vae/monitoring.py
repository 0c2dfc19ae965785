"""DriftMonitoring: a fitted detector of tables compares rows with those that it was calibrated on.

The estimator and the scorer of a model file share it, so it imports no torch and no scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.columns.table import Table, take_rows, whole_rows
from anomaly_vae.decisions import Floats, finite
from anomaly_vae.drift.monitor import DriftMonitor
from anomaly_vae.drift.reference import Reference, Rows
from anomaly_vae.drift.report import DriftReport
from anomaly_vae.errors import InputError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.verdicts.correction import Correction
from anomaly_vae.verdicts.features import features_of, shortfalls_of

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 4096
_MOST_LOG = 35.0  # of the nats of a model that is not forged
_MOST_ROWS = 10**9


class DriftMonitoring(TableExplanations):
    """Drift of rows from the calibration rows that a model keeps.

    Nats are those before any verdict. In a cross-fitted model those of a row are the ones of one of the
    models, in turns, as those of a calibration row are: the largest of several would be higher than in
    calibration.
    """

    learning_: Correction
    training_: dict[str, Any]

    def drift(self, X: ArrayLike | pd.DataFrame, rate: float = 0.01) -> DriftReport:
        """How rows differ from those of calibration, by column, and after how many rows that was clear.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
            Rows in the order in which they arrived.
        rate : float, default=0.01
            The most that the probability of a false alarm may be, for independent rows like those of
            calibration.

        Returns
        -------
        DriftReport

        Raises
        ------
        InputError
            For a rate that is not between 0 and 1, and for a model that an earlier release fitted, which kept
            no calibration rows.
        """
        reference = self.drift_reference()
        monitor = DriftMonitor(reference, rate)
        table = self._checked(X)
        for start in range(0, len(table), _BLOCK):
            numbers = np.arange(start, min(start + _BLOCK, len(table)))
            with whole_rows(numbers):
                monitor.add(self._drift_rows(take_rows(table, numbers), reference, numbers))
        return monitor.report()

    def drift_reference(self) -> Reference:
        """The calibration rows, for a ``DriftMonitor`` of rows that arrive bit by bit.

        Raises InputError for a model that an earlier release fitted.
        """
        self._check_is_fitted()
        if not hasattr(self, "learning_"):
            raise InputError(
                "the model was fitted by an earlier release, which kept no calibration rows to compare with; "
                "fit it again"
            )
        correction, offset = self.learning_, self.offset_
        calibration = correction.state.calibration
        n_columns, kept = len(self.schema_.columns), calibration.kept
        scores = correction.corrected(calibration.scores[kept], calibration.features)
        return Reference(
            self.model_.encoder,
            calibration.features[:, n_columns + 1 :],
            shortfalls_of(np.clip(calibration.features, -_MOST_LOG, _MOST_LOG), n_columns),
            calibration.scores,
            kept,
            scores < offset,
            int(np.clip(self.training_.get("n_rows", 1), 1, _MOST_ROWS)),
        )

    def drift_rows(
        self,
        X: ArrayLike | pd.DataFrame,
        reference: Reference,
        numbers: NDArray[np.integer[Any]] | None = None,
        scores: Floats | None = None,
    ) -> Rows:
        """The next rows for ``DriftMonitor.add``.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
        reference : Reference
            As ``drift_reference`` of this detector returned it.
        numbers : array of int, shape (n_rows,), optional
            A running number of each row in the stream; from 0 by default.
        scores : array of shape (n_rows,), optional
            As ``score_samples(X)`` returned them; computed by default.
        """
        self._check_is_fitted()
        table = self._checked(X)
        numbers = np.arange(len(table)) if numbers is None else numbers
        return self._drift_rows(table, reference, numbers, scores)

    def _drift_rows(
        self,
        X: Table,
        reference: Reference,
        numbers: NDArray[np.integer[Any]],
        scores: Floats | None = None,
    ) -> Rows:
        contributions, typical = self._unselected(X, numbers), self.typical_contributions_
        encoded = self.model_.encoder.transform(X)
        cells = features_of(contributions, typical, encoded)[:, len(typical) :]
        cells[np.isnan(encoded)] = np.nan
        shortfalls = typical - contributions
        codes = reference.coder.codes(cells, shortfalls, contributions.sum(axis=1))
        scores = self._score_samples(X) if scores is None else scores
        return Rows.of(codes, shortfalls, scores < self.offset_)

    def _unselected(self, X: Table, numbers: NDArray[np.integer[Any]]) -> Floats:
        """Contributions to the bound of one ensemble a row, in turns, shape (n_rows, n_columns + 1)."""
        n_ensembles = len(self.model_.ensembles)
        if n_ensembles == 1:
            return finite(self.model_.contributions(X))
        contributions = np.empty((len(X), len(self.typical_contributions_)))
        for position in range(n_ensembles):
            rows = np.flatnonzero(numbers % n_ensembles == position)
            with whole_rows(rows):
                contributions[rows] = self.model_.contributions_of(take_rows(X, rows), position)
        return finite(contributions)

"""NearestNormal: the method ``nearest_normal`` of fitted models of tables.

The estimator and the scorer of a model file share it, so it imports no torch, no scikit-learn and no SciPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.columns.frames import converted
from anomaly_vae.decisions import finite
from anomaly_vae.errors import InputError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.nearest.cells import common_form, typed, written
from anomaly_vae.nearest.search import Model, nearest

if TYPE_CHECKING:
    import pandas as pd


class NearestNormal(TableExplanations):
    """What anomalous rows should have been."""

    def nearest_normal(self, X: ArrayLike | pd.DataFrame, n_columns: int | None = None) -> Any:
        """Each anomalous row with the least change, in few columns, that brings it back above the threshold.

        The search is greedy: columns join the change until the score is at least ``offset_``, and get the
        values that the model expects given the other columns. Changes that are not needed are undone, and
        numbers move back toward what they were. The result is an answer and not a proof: another set of
        columns may be smaller.

        Changed numbers stay within the range of the training rows, integers stay integers, and categories
        are those that training saw. Identifier columns never change.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
            Normal rows stay as they are.
        n_columns : int, optional
            The most columns to change in a row; all by default.

        Returns
        -------
        rows : array or DataFrame of shape (n_rows, n_features_in_)
            With the columns and the index of X. All cells of a row are missing (NaN, None or NaT) if no
            answer was found; a column of integers then becomes one of floats, an array of integers too.

        Raises
        ------
        InputError
            For an ``n_columns`` below 1, and for rows that cannot be scored.
        """
        import pandas as pd

        if n_columns is not None and (
            isinstance(n_columns, bool) or not isinstance(n_columns, int | np.integer) or n_columns < 1
        ):
            raise InputError(f"n_columns must be a whole number of at least 1, got {n_columns!r}")
        self._check_is_fitted()
        X = converted(X)
        given = X if isinstance(X, pd.DataFrame) else _array(X)
        positions = np.flatnonzero(self.score_samples(given) < self.offset_)
        frame = given if isinstance(given, pd.DataFrame) else pd.DataFrame(given)
        if len(positions):
            frame = self._with_nearest(frame, positions, n_columns or frame.shape[1], given)
        elif frame is given:
            frame = frame.copy()
        return frame if isinstance(X, pd.DataFrame) else frame.to_numpy()

    def _with_nearest(
        self, frame: pd.DataFrame, positions: NDArray[np.int64], n_columns: int, given: Any
    ) -> pd.DataFrame:
        """The frame with the answers for the rows at these positions."""
        readers, some = self.model_.encoder.readers, frame.iloc[positions]
        rows = common_form(some, readers)
        rounded = np.array([dtype == np.float32 for dtype in frame.dtypes])
        answers, changed, is_normal = nearest(rows, self._search_model(rounded), n_columns)
        result = frame.copy()
        for j in np.flatnonzero(changed.any(axis=0)).tolist():
            at, cells = np.flatnonzero(changed[:, j]), some.iloc[:, j]
            column = result.iloc[:, j].astype(object)
            values = written(answers.iloc[at, j].tolist(), cells.iloc[at], readers[j])
            column.iloc[positions[at]] = _objects(values)
            result.isetitem(j, typed(column, frame.dtypes.iloc[j]))
        return self._without_misses(result, positions, is_normal, frame, given)

    def _without_misses(
        self,
        result: pd.DataFrame,
        positions: NDArray[np.int64],
        is_normal: NDArray[np.bool_],
        frame: pd.DataFrame,
        given: Any,
    ) -> pd.DataFrame:
        """The result with missing cells in rows whose score is below the threshold, as they are written."""
        written_rows = result.iloc[positions]
        as_given = written_rows if given is frame else written_rows.to_numpy()
        missed = positions[(self.score_samples(as_given) < self.offset_) | ~is_normal]
        for j in range(result.shape[1]) if len(missed) else ():
            column = result.iloc[:, j].astype(object)
            column.iloc[missed] = None
            result.isetitem(j, typed(column, frame.dtypes.iloc[j]))
        return result

    def _search_model(self, rounded: NDArray[np.bool_]) -> Model:
        typical = self._typical_contributions()
        encoder = self.model_.encoder

        def costs(rows: pd.DataFrame) -> NDArray[np.float64]:
            return finite((self._contributions(rows) - typical)[:, : len(encoder.readers)])

        return Model(
            scores=lambda rows: finite(self._score_samples(rows)),
            costs=costs,
            expected=self.model_.expected_rows,
            readers=encoder.readers,
            numeric=encoder.numeric,
            offset=self.offset_,
            rounded=rounded,
        )


def _objects(values: list[Any]) -> NDArray[Any]:
    """Values as an array of objects, so that pandas changes no type."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _array(X: Any) -> NDArray[Any]:
    """Rows in a list as an array, of objects if numpy would convert numbers to text."""
    array = np.asarray(X)
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array

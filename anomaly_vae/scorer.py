"""TableScorer: a fitted model of a table that scores without torch and scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae.columns.frames import converted
from anomaly_vae.columns.table import Table
from anomaly_vae.decisions import Floats, finite
from anomaly_vae.errors import InputError, SchemaError
from anomaly_vae.learning import LEARNING, VerdictLearning, loaded_learning, stored_learning
from anomaly_vae.monitoring import DriftMonitoring
from anomaly_vae.nearest.tables import NearestNormal
from anomaly_vae.runtime.table import TableRuntime
from anomaly_vae.states import fitted
from anomaly_vae.states.parameters import OPTIONAL, TABLE_PARAMETERS, table_parameters
from anomaly_vae.states.table import TableState
from anomaly_vae.stored import StoredDetector

if TYPE_CHECKING:
    import pandas as pd

    from anomaly_vae.detectors.tabular import TabularVAEDetector


class TableScorer(NearestNormal, VerdictLearning, DriftMonitoring, StoredDetector):
    """A fitted ``TabularVAEDetector`` without ``fit``: scores, decisions and explanations of rows.

    It takes a DataFrame with the columns of the fit, or an array with those columns in that order, of shape
    (n_rows, n_features_in_). Scores are those of the detector. It computes on the CPU and imports neither
    torch nor scikit-learn, and pandas only for tables that do not consist of numbers.
    ``anomaly_vae.load_scorer`` makes one.

    Attributes
    ----------
    offset_, false_alarm_rate_, tail_, threshold_interval_, false_alarm_interval_, calibration_scores_
        The threshold, as in ``TabularVAEDetector``.
    schema_, feature_names_in_, n_features_in_
        The columns, as in ``TabularVAEDetector``.
    latent_dim_, history_, training_, typical_contributions_
        The fit, as in ``TabularVAEDetector``.
    verdicts_, column_weights_
        What was learned from verdicts, as in ``TabularVAEDetector``.
    """

    kind = "TabularVAEDetector"
    """The estimator that it stands for."""

    takes_arrays = True
    """Whether an array needs no column names."""

    model_: TableRuntime
    feature_names_in_: NDArray[Any]

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableScorer:
        """The scorer with the state of a detector; raises ModelFileError if its parts are inconsistent."""
        scorer = cls()
        model = TableState.from_state(state["model_"])
        runtime = TableRuntime(model)
        state = fitted.with_tail(state)
        names = [reader.name for reader in model.encoder.readers]
        params = set(TABLE_PARAMETERS) - (OPTIONAL - state.keys())
        more = {LEARNING, fitted.OUTPUT} & state.keys()
        fitted.check_fitted(state, params, names, len(names) + 1, runtime.latent_dim, more)
        state |= loaded_learning(state, model.schema)
        scorer._set(runtime, table_parameters(state), state)
        return scorer

    def encode(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Posterior means of the latents, shape (n_rows, latent_dim_)."""
        return finite(self.model_.encode(self._checked(X)))

    def expected_rows(self, n_rows: int, seed: int = 0) -> pd.DataFrame:
        """Expected rows of random latents, with whole numbers where the training rows had them."""
        z = np.random.RandomState(seed).normal(size=(n_rows, self.latent_dim_))
        return self.model_.restored(z.astype(np.float32))

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> Any:
        """Rows drawn from the model, as ``TabularVAEDetector.sample`` draws them; imports torch."""
        return self.detector().sample(n_rows, random_state)

    def detector(self) -> TabularVAEDetector:
        """The estimator of the same model; imports torch and scikit-learn."""
        from anomaly_vae.detectors.tabular import TabularVAEDetector

        detector = TabularVAEDetector.__new__(TabularVAEDetector)
        detector.__setstate__(self._state() | stored_learning(self))
        return detector

    def _expected_rows(self, X: Table) -> Any:
        """An array if all columns are numbers, else a DataFrame."""
        return self.model_.decode(finite(self.model_.encode(X)).astype(np.float32))

    def _checked(self, X: Any) -> Table:
        return checked_table(X, self.n_features_in_, getattr(self, "feature_names_in_", None))


def checked_table(X: Any, n_columns: int, names: NDArray[Any] | None) -> Table:
    """X as a table with the columns of a fit, which had these names or none.

    Raises SchemaError for other names, and InputError for another shape and for an array of other types.
    """
    X = converted(X)
    if not hasattr(X, "iloc"):
        return _checked_array(X, n_columns)
    if names is not None and list(X.columns) != list(names):
        raise SchemaError(
            f"the columns should be those of the fit, in its order: {_shown(names)}; got {_shown(X.columns)}"
        )
    _check_shape(X.shape, n_columns)
    table: Table = X
    return table


def _checked_array(X: Any, n_columns: int) -> Table:
    array = np.asarray(X)
    if array.dtype.kind in "US":
        array = np.asarray(X, dtype=object)
    if array.dtype.kind not in "fiubOM":
        raise InputError(f"a table of {array.dtype} cannot be scored; give numbers, texts or dates")
    _check_shape(array.shape, n_columns)
    return array


def _check_shape(shape: tuple[int, ...], n_columns: int) -> None:
    if len(shape) != 2 or not shape[0] or shape[1] != n_columns:
        raise InputError(
            f"rows should have the shape (n_rows, {n_columns}) of the fit, with at least one row, got {shape}"
        )


def _shown(names: Any) -> str:
    """Names of columns, cut at a length that fits a message."""
    text = ", ".join(map(str, names))
    return text if len(text) <= 100 else text[:97] + "..."

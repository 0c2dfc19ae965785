"""PerKeyScorer: fitted models of keys that score without torch and scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from anomaly_vae.columns.table import Table
from anomaly_vae.errors import ModelFileError
from anomaly_vae.keyed.decisions import KeyedDecisions
from anomaly_vae.keyed.loading import keyed_model
from anomaly_vae.scorer import TableScorer, checked_table
from anomaly_vae.states.checks import check_dict, check_whole
from anomaly_vae.states.parameters import table_parameters

if TYPE_CHECKING:
    import pandas as pd

    from anomaly_vae.detectors.per_key import PerKey

_PARAMETERS = ("estimator", "key", "min_rows")


class PerKeyScorer(KeyedDecisions):
    """A fitted ``PerKey`` without ``fit``: scores, decisions and explanations of rows.

    It takes what a ``TableScorer`` takes, and has the attributes of ``PerKey``. The model of a key is made
    when its first row comes, from arrays that all keys share. ``anomaly_vae.load_scorer`` makes one.
    """

    kind = "PerKey"
    """The estimator that it stands for."""

    takes_arrays = True
    """Whether an array needs no column names."""

    shared_: TableScorer
    n_features_in_: int
    feature_names_in_: NDArray[Any]

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> PerKeyScorer:
        """The scorer with the state of a detector; raises ModelFileError if its parts are inconsistent."""
        scorer, state = cls(), dict(state)
        for name in ("estimator", "shared_"):
            check_dict(name, state.get(name))
        if "model_" in state["estimator"]:
            raise ModelFileError("the estimator of a PerKey should not be fitted; save the model again")
        table_parameters(state["estimator"])
        shared = TableScorer.from_state(state["shared_"])
        scorer.model_ = keyed_model(state, shared, _PARAMETERS)
        check_whole("min_rows", state["min_rows"], 4)
        del state["keyed_"]
        vars(scorer).update(state | {"shared_": shared})
        return scorer

    def detector(self) -> PerKey:
        """The estimator of the same model; imports torch and scikit-learn."""
        from anomaly_vae.detectors.per_key import PerKey

        runtime = self.model_.runtime
        own = {
            "shared_": self.shared_.detector().__getstate__(),
            "keyed_": None if runtime is None else runtime.state.get_state(),
        }
        detector = PerKey.__new__(PerKey)
        detector.__setstate__({name: value for name, value in vars(self).items() if name != "model_"} | own)
        return detector

    def expected_rows(self, n_rows: int) -> pd.DataFrame:
        """Rows that the shared model expects, as ``TableScorer.expected_rows``, with a key each, in turn."""
        rows = self.shared_.expected_rows(n_rows)
        keys = [*self.keys_, None][: max(len(self.keys_), 1)]
        rows.insert(self.model_.column.position, self._key_name(), [*islice(cycle(keys), n_rows)])
        return rows

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> Any:
        """Rows drawn from the model, as ``PerKey.sample`` draws them; imports torch."""
        return self.detector().sample(n_rows, random_state)

    def _checked(self, X: Any) -> Table:
        return checked_table(X, self.n_features_in_, getattr(self, "feature_names_in_", None))

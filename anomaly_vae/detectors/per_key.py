"""PerKey: one small model for each value of a column, as an outlier detector of scikit-learn."""

from __future__ import annotations

import time
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin, _fit_context, clone
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from anomaly_vae import thresholds
from anomaly_vae.columns.keys import NO_MODEL
from anomaly_vae.columns.table import Table
from anomaly_vae.detectors._input import as_table
from anomaly_vae.detectors._keyed_fitting import fit_keyed, sample_keyed
from anomaly_vae.detectors.tabular import TabularVAEDetector
from anomaly_vae.errors import ModelFileError
from anomaly_vae.keyed.decisions import KeyedDecisions
from anomaly_vae.keyed.loading import key_column, keyed_model
from anomaly_vae.keyed.models import KeyedModel
from anomaly_vae.states.checks import check_dict
from anomaly_vae.states.keyed import KeyedState


class PerKey(KeyedDecisions, OutlierMixin, BaseEstimator):
    """Score the rows of a table with one small model per value of a column, such as a host or a customer.

    A row that is usual among all hosts can be unusual for its own. The model of a key is the centre and
    spread of each number and the frequency of each category among the rows of this key, in closed form, with
    a threshold of its own. A network that all keys share scores the rows after they are centred and scaled by
    their key, so that thousands of keys cost one training. A shared model of all rows, which is fitted
    without the key, scores the rows of keys with fewer than ``min_rows`` training rows, of new keys, and
    those without a key.

    Half of the rows of each key fit its model and the network; the other half calibrates its threshold and
    its p-values, and no part of the model of the key sees them.

    Parameters
    ----------
    estimator : TabularVAEDetector
        The settings of the shared model, which is a clone of it, and of the network. ``validation_fraction``
        is the share of the rows of each key that calibrates; "auto" is a half. ``contamination`` is as in
        ``TabularVAEDetector``, for each key.
    key : str or int, default=0
        Name of the column, or its position in an array.
    min_rows : int, default=40
        The fewest training rows of a key that has a model of its own. Half of 40 rows calibrate, and about 20
        are needed to guarantee a false-alarm rate of 5 %, the highest that "auto" chooses.

    Attributes
    ----------
    shared_ : TabularVAEDetector
        The shared model.
    keys_ : array of str, shape (n_keys,)
        The keys that have a model of their own, ascending; 1, 1.0 and "1" are one key.
    offsets_ : array of shape (n_keys,)
        Their thresholds, in nats.
    n_calibration_ : array of int, shape (n_keys,)
        Their numbers of calibration rows.
    offset_, false_alarm_rate_, tail_, calibration_scores_
        The threshold of the shared model, as in ``TabularVAEDetector``.
    n_features_in_ : int
        Number of columns, the key among them.
    feature_names_in_ : array of shape (n_features_in_,)
        Names of the columns, if the training table had names.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from anomaly_vae import PerKey, TabularVAEDetector
    >>> random = np.random.default_rng(0)
    >>> hosts = np.repeat(["a", "b"], 200)
    >>> load = np.where(hosts == "a", 10.0, 90.0) + random.normal(size=400)
    >>> table = pd.DataFrame({"host": hosts, "load": load, "noise": random.normal(size=400)})
    >>> detector = PerKey(TabularVAEDetector(novelty=True, random_state=0), key="host").fit(table)
    >>> new = pd.DataFrame({"host": ["a", "b"], "load": [90.0, 90.0], "noise": [0.0, 0.0]})
    >>> detector.predict(new).tolist()
    [-1, 1]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [TabularVAEDetector],
        "key": [str, Interval(Integral, 0, None, closed="left")],
        "min_rows": [Interval(Integral, 4, None, closed="left")],
    }

    shared_: TabularVAEDetector

    def __init__(self, estimator: TabularVAEDetector, *, key: str | int = 0, min_rows: int = 40) -> None:
        self.estimator = estimator
        self.key = key
        self.min_rows = min_rows

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike | pd.DataFrame, y: None = None) -> Self:
        """Fit on a table of shape (n_rows, n_columns) and set the thresholds.

        Raises
        ------
        SchemaError
            If the column of keys is missing.
        InputError
            If the table has no other column.

        Other errors and warnings are those of ``TabularVAEDetector.fit``.
        """
        started = time.perf_counter()
        table = self._checked(X, reset=True)
        column = key_column(self.key, getattr(self, "feature_names_in_", None), table.shape[1])
        features = column.features(table)
        codes, keys = column.factorized(table)
        self.shared_ = clone(self.estimator).fit(features)
        seed = int(check_random_state(self.estimator.random_state).randint(2**31 - 1))
        found = fit_keyed(self.shared_, features, codes, keys, self.min_rows, seed)
        self.model_ = KeyedModel(self.shared_, None if found is None else found[0], column)
        if found is not None:
            self._set_default_thresholds(found[0])
        self.training_ = {
            **self.shared_.training_,
            "n_rows": len(codes),
            "n_keys": len(self.keys_),
            "seconds": round(time.perf_counter() - started, 3),
        }
        return self

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> Any:
        """Rows drawn from the models, in the form given to ``fit``.

        Every other row is of the shared model and has no key; the others are of keys drawn at random.
        """
        check_is_fitted(self)
        random = check_random_state(random_state)
        owners = np.full(n_rows, NO_MODEL)
        if len(self.keys_):
            owners[::2] = random.randint(len(self.keys_), size=len(owners[::2]))
        seed, column = int(random.randint(2**31 - 1)), self.model_.column
        rows = pd.DataFrame(self.shared_.sample(n_rows, seed))
        if self.model_.runtime is not None:
            drawn = sample_keyed(self.model_.runtime, np.maximum(owners, 0), seed)
            drawn = drawn.set_axis(rows.columns, axis=1).astype(object)
            rows = drawn.where(pd.Series(owners != NO_MODEL), rows)
        texts = np.array([*self.keys_, None], dtype=object)[owners]
        rows.insert(column.position, self._key_name(), texts)
        rows = rows.infer_objects()
        return rows if hasattr(self, "feature_names_in_") else rows.to_numpy()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(BaseEstimator.__getstate__(self))
        state["estimator"] = self.estimator.__getstate__()
        if "model_" in state:
            runtime = state.pop("model_").runtime
            state["shared_"] = self.shared_.__getstate__()
            state["keyed_"] = None if runtime is None else runtime.state.get_state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        for name in ("estimator", "shared_"):
            if name in state:
                check_dict(name, state[name])
                detector = TabularVAEDetector.__new__(TabularVAEDetector)
                detector.__setstate__(state[name])
                state[name] = detector
        if "shared_" in state:
            state["model_"] = keyed_model(state, state["shared_"], self._get_param_names())
            del state["keyed_"]
        BaseEstimator.__setstate__(self, state)
        try:
            self._validate_params()
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"a parameter of the model is out of range: {error}") from None

    def _check_is_fitted(self) -> None:
        check_is_fitted(self)

    def _checked(self, X: Any, *, reset: bool = False) -> Table:
        return as_table(self, X, reset=reset)

    def _set_default_thresholds(self, state: KeyedState) -> None:
        """Set the threshold of each key from its calibration rows, by the rule of the estimator."""
        members = [self.model_.member(position) for position in range(len(state))]
        for member in members:
            if self.estimator.contamination != "auto":
                member.set_threshold(contamination=float(self.estimator.contamination))
            elif self.estimator.novelty:
                member.set_threshold(
                    false_alarm_rate=thresholds.auto_false_alarm_rate(len(member.calibration_scores_))
                )
            else:
                member.set_threshold(offset=thresholds.fence_offset(member.calibration_scores_))
        self._set_members(state, members)

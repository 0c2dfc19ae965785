"""tune: fit a detector with each of many parameters, and keep the one that does best on rows held out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import ParameterGrid, ParameterSampler, train_test_split
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from anomaly_vae.columns.frames import converted
from anomaly_vae.errors import InputError, MissingExtraError
from anomaly_vae.streaming import seed_of

Mask = NDArray[np.bool_]

_OF_LABELS = {"average_precision": average_precision_score, "roc_auc": roc_auc_score}
_HELD_OUT = 0.25
_NOT_CHOSEN_BY_ELBO = {
    "contamination": "the ELBO does not measure which rows are called anomalous",
    "novelty": "the ELBO does not measure which rows are called anomalous",
    "complexity": "the ELBO does not depend on it",
    "score_type": "the ELBO does not depend on it",
    "column_kinds": "the ELBOs of columns that are read differently are in different units",
    "key": "the ELBOs of different columns are in different units",
}


@dataclass(frozen=True)
class Tuned:
    """What ``tune`` found.

    Attributes
    ----------
    best_estimator_ : detector
        Fitted on all rows with ``best_params_``.
    best_params_ : dict
        The parameters of the candidate with the highest value; the first of those with equal values.
    results_ : DataFrame
        One line per candidate: its parameters, its value in a column with the name of the metric, NaN if it
        failed, ``seconds`` of its fit, and ``error``, which is missing if it did not fail.
    held_out_ : array of bool, shape (n_rows,)
        The rows that no candidate was fitted on.
    """

    best_estimator_: Any
    best_params_: dict[str, Any]
    results_: pd.DataFrame
    held_out_: Mask


def tune(
    detector: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    parameters: Mapping[str, Any],
    n_iter: int | None = None,
    held_out: float | str | ArrayLike = "auto",
    metric: str = "auto",
    n_jobs: int | None = None,
    backend: str | None = None,
) -> Tuned:
    """Fit a detector with each of many parameters, and keep the one that does best on rows held out.

    The rows are divided once. All candidates are fitted on the same rows and compared on the same others,
    which they see in no way: each holds out rows of its own to calibrate. A candidate that fails is in the
    results with its error. The best one is fitted again on all rows. The result does not depend on ``n_jobs``
    and ``backend``, and is the same again if ``random_state`` of the detector is an integer.

    Parameters
    ----------
    detector : TabularVAEDetector, PerKey or ImageVAEDetector
        The other parameters of all candidates. With labels any outlier detector of scikit-learn, or a
        Pipeline that ends in one.
    X : array or DataFrame of shape (n_rows, n_columns), or images
        Rows that ``detector.fit`` takes.
    y : array of int, shape (n_rows,), optional
        Labels: +1 for normal and -1 for anomalous rows. Both parts of the rows get their share of each. A
        candidate with ``novelty=True`` is fitted on the normal rows only.
    parameters : dict of str to list, or to distribution of scipy.stats
        Values by the name of a parameter, as in ``GridSearchCV`` and ``RandomizedSearchCV``.
    n_iter : int, optional
        Number of candidates to draw; all combinations by default, which needs lists.
    held_out : float in (0, 1), "auto" or array of bool, shape (n_rows,), default="auto"
        Share of the rows to hold out, drawn by ``random_state``, or which ones; "auto" is a quarter.
    metric : {"auto", "elbo", "average_precision", "roc_auc"}, default="auto"
        The value of a candidate: "elbo" is the mean of ``elbo`` over the rows held out, in nats per row, in
        the units of the table, so that candidates that scale it differently can be compared; the others
        need labels, and compare ``score_samples`` with them. "auto" is "average_precision" with labels and
        "elbo" without.
    n_jobs : int, optional
        Number of processes, as in scikit-learn; with ``backend="ray"`` one per core of the cluster.
    backend : str, optional
        Backend of joblib; "ray" runs the fits on a Ray cluster (extra ``ray``).

    Raises
    ------
    InputError
        For "elbo" and ``contamination``, ``novelty`` or another parameter that it cannot choose; for labels
        without a metric of labels or the reverse; for rows held out that are not of both labels; if all
        candidates failed, with the error of the first.
    ValueError
        For a parameter that the detector does not have, and as ``ParameterGrid``, ``ParameterSampler`` and
        ``train_test_split`` do.
    MissingExtraError
        For ``backend="ray"`` without Ray.

    Notes
    -----
    The ELBO ranks models by how well they describe rows; it does not measure how well they find anomalies. In
    the mean of eleven tables the defaults found as many or more; labels helped where the rows to fit on
    contained anomalies. The guide has the figures.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import TabularVAEDetector, tune
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> detector = TabularVAEDetector(max_steps=5, validation_fraction=0.2, random_state=0)
    >>> tuned = tune(detector, X, parameters={"latent_dim": [1, 2]})
    >>> tuned.results_.columns.tolist()
    ['latent_dim', 'elbo', 'seconds', 'error']
    >>> tuned.best_estimator_.latent_dim == tuned.best_params_["latent_dim"]
    True
    """
    X, (detector, seed) = converted(X), _seeded(detector)
    labels = None if y is None else _checked_labels(y, _num_samples(X))
    metric = _checked_metric(metric, detector, parameters, labels)
    candidates = list(
        ParameterGrid(parameters)
        if n_iter is None
        else ParameterSampler(parameters, n_iter, random_state=seed)
    )
    clone(detector).set_params(**candidates[0])
    is_held_out = _held_out(held_out, _num_samples(X), labels, seed)
    tried = _parallel(n_jobs, backend)(
        delayed(_tried)(detector, candidate, X, labels, is_held_out, metric) for candidate in candidates
    )
    results = pd.DataFrame(
        [candidate | outcome for candidate, outcome in zip(candidates, tried, strict=True)]
    )
    if results[metric].isna().all():
        raise InputError(f"all {len(results)} candidates failed, the first with {results['error'][0]}")
    best = candidates[int(results[metric].argmax())]
    fitted = _fitted(detector, best, X, labels, np.zeros_like(is_held_out))
    return Tuned(fitted, best, results, is_held_out)


def _seeded(detector: Any) -> tuple[Any, int]:
    """A copy whose random states are integers, the same for all candidates; and one of them."""
    states = {
        name: seed_of(value) for name, value in detector.get_params().items() if _last(name) == "random_state"
    }
    return clone(detector).set_params(**states), max(states.values(), default=0)


def _last(name: str) -> str:
    """The name of a parameter without those of the estimators that hold it."""
    return name.rpartition("__")[2]


def _checked_labels(y: ArrayLike, n_rows: int) -> NDArray[np.int64]:
    labels = np.asarray(y)
    if labels.shape != (n_rows,) or not np.isin(labels, [-1, 1]).all():
        raise InputError(f"y: wanted +1 (normal) or -1 (anomalous) for each of {n_rows:,} rows")
    return labels.astype(np.int64)


def _checked_metric(
    metric: str, detector: Any, parameters: Mapping[str, Any], labels: NDArray[np.int64] | None
) -> str:
    """The metric, which is not "auto"; raises InputError if it cannot compare these candidates."""
    if metric == "auto":
        metric = "elbo" if labels is None else "average_precision"
    if metric not in {"elbo", *_OF_LABELS}:
        raise InputError(f"metric: wanted 'auto', 'elbo' or one of {', '.join(_OF_LABELS)}, got {metric!r}")
    if (metric == "elbo") != (labels is None):
        raise InputError(f"metric {metric!r} {'takes no' if metric == 'elbo' else 'needs'} labels y")
    if metric != "elbo":
        return metric
    if not hasattr(detector, "elbo"):
        raise InputError(f"{type(detector).__name__} has no elbo; give the detector itself, or labels y")
    for name in parameters:
        if reason := _NOT_CHOSEN_BY_ELBO.get(_last(name)):
            raise InputError(f"the mean ELBO cannot choose {name!r}: {reason}; give labels y")
    return metric


def _held_out(
    held_out: float | str | ArrayLike, n_rows: int, labels: NDArray[np.int64] | None, seed: int
) -> Mask:
    if isinstance(held_out, str | float):
        share = _HELD_OUT if held_out == "auto" else held_out
        _, rows = train_test_split(np.arange(n_rows), test_size=share, random_state=seed, stratify=labels)
        mask = np.zeros(n_rows, dtype=bool)
        mask[rows] = True
    else:
        mask = np.asarray(held_out)
        if mask.shape != (n_rows,) or mask.dtype != bool or mask.all() or not mask.any():
            raise InputError(
                f"held_out: wanted a share of the rows, 'auto', or a mask of {n_rows:,} rows of which some "
                "are held out and others are not"
            )
    if labels is not None and len(np.unique(labels[mask])) < 2:
        raise InputError("held_out: the rows held out need both labels, +1 and -1")
    return mask


def _parallel(n_jobs: int | None, backend: str | None) -> Any:
    if backend == "ray":
        try:
            import_module("ray.util.joblib").register_ray()
        except ImportError:
            raise MissingExtraError("backend='ray' needs Ray: pip install 'anomaly-vae[ray]'") from None
        n_jobs = -1 if n_jobs is None else n_jobs
    return Parallel(n_jobs=n_jobs, backend=backend)


def _tried(
    detector: Any,
    candidate: dict[str, Any],
    X: Any,
    labels: NDArray[np.int64] | None,
    is_held_out: Mask,
    metric: str,
) -> dict[str, Any]:
    """The value of a candidate, the seconds of its fit, and its error."""
    started, value, error = time.perf_counter(), np.nan, None
    try:
        model = _fitted(detector, candidate, X, labels, is_held_out)
        seconds = time.perf_counter() - started
        rows = _safe_indexing(X, np.flatnonzero(is_held_out))
        if labels is None:
            value = float(model.elbo(rows).mean())
        else:
            value = float(_OF_LABELS[metric](labels[is_held_out] < 0, -model.score_samples(rows)))
    except Exception as reason:  # whatever makes a candidate fail, the others are of use
        seconds = time.perf_counter() - started
        error = f"{type(reason).__name__}: {reason}"
    return {metric: value, "seconds": round(seconds, 3), "error": error}


def _fitted(
    detector: Any,
    candidate: dict[str, Any],
    X: Any,
    labels: NDArray[np.int64] | None,
    is_held_out: Mask,
) -> Any:
    """A candidate, fitted on the rows that are not held out, and only on normal ones if it asks for them."""
    model = clone(detector).set_params(**candidate)
    is_trained = ~is_held_out
    if labels is not None and any(
        value is True for name, value in model.get_params().items() if _last(name) == "novelty"
    ):
        is_trained &= labels > 0
    return model.fit(_safe_indexing(X, np.flatnonzero(is_trained)))

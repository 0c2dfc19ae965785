"""VAEDetector: the base of the detectors of tables and images: fit, latents, samples, metadata, state."""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.validation import check_is_fitted

from anomaly_vae import thresholds
from anomaly_vae.decisions import Decisions, Floats, finite, summary
from anomaly_vae.detectors._devices import stored_device
from anomaly_vae.detectors._splits import RowSplit, Split
from anomaly_vae.detectors._summary import caption, summary_html, visual_block
from anomaly_vae.detectors._weights import Counts, repeated_rows, repeated_splits, row_counts
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.states import fitted
from anomaly_vae.training import History

AUTO = StrOptions({"auto"})

_NOT_SCORED = frozenset({"contamination", "novelty"})
"""Parameters that decide which rows are anomalous; a score that measures densities cannot choose them."""


class VAEDetector(Decisions, OutlierMixin, BaseEstimator, ABC):
    """A variational autoencoder as an outlier detector of scikit-learn.

    A subclass provides the input checks, the split of the rows, the model and the contributions to a score.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "novelty": ["boolean"],
        "contamination": [AUTO, Interval(Real, 0, 0.5, closed="right")],
        "latent_dim": [AUTO, Interval(Integral, 1, 4096, closed="both")],
        "hidden_sizes": [list, tuple],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [AUTO, Interval(Real, 0, 1, closed="neither")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    novelty: bool
    contamination: float | str
    hidden_sizes: Iterable[int]
    random_state: int | np.random.RandomState | None

    model_: Any
    history_: dict[str, Floats]
    typical_contributions_: Floats

    @abstractmethod
    def fit(self, X: Any, y: None = None) -> Self:
        """Fit the detector and set its threshold."""

    @abstractmethod
    def _checked(self, X: Any, *, reset: bool = False) -> Any:
        """X after the input checks; with ``reset=True`` its columns are stored on the estimator."""

    @abstractmethod
    def score_contributions(self, X: Any) -> Any:
        """Contributions to the score in nats; each row sums to ``score_samples``."""

    @abstractmethod
    def _n_calibration(self, n_rows: int) -> int:
        """Number of rows that a split holds out for calibration."""

    @abstractmethod
    def _splits(self, X: Any, random: np.random.RandomState) -> list[RowSplit]:
        """The rows to train on and the rows to hold out, once or per fold."""

    @abstractmethod
    def _fit_model(self, X: Any, splits: list[RowSplit], seed: int, counts: Counts | None) -> History:
        """Fit and set ``model_``; ``counts`` is how often each row counts, if rows have weights."""

    @abstractmethod
    def _calibration_scores(self, X: Any, splits: list[RowSplit]) -> Floats:
        """The score of each calibration row by the model that was fitted without it."""

    @abstractmethod
    def _set_typical(self, X: Any, splits: list[RowSplit], scores: Floats) -> None:
        """Set ``typical_contributions_`` and what else is kept of the calibration rows with these scores."""

    @abstractmethod
    def _mean_elbos(self, X: Any, splits: list[RowSplit], history: History) -> tuple[float, float]:
        """Mean ELBO of rows that were trained on and of held-out rows, in nats."""

    @abstractmethod
    def _like_training(self, rows: Any) -> Any:
        """Rows from the model, in the form of the rows given to ``fit``."""

    @abstractmethod
    def _input_metadata(self) -> dict[str, Any]:
        """The columns, or the size of the images, for ``metadata``."""

    @abstractmethod
    def _model_state(self) -> dict[str, Any]:
        """The model as plain dictionaries, lists, numbers and arrays."""

    @abstractmethod
    def _load_model(self, state: dict[str, Any], device: torch.device) -> Any:
        """The model with this state; raises ModelFileError if its parts are inconsistent."""

    @abstractmethod
    def _check_fitted(self, state: dict[str, Any]) -> None:
        """Raise ModelFileError unless a fitted state is complete and consistent."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, as a search does; then ``score`` may raise InputError."""
        super().set_params(**params)
        if chosen := _NOT_SCORED & params.keys():
            self._chosen = frozenset(chosen)
        return self

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Mean ELBO of the rows in nats, for model selection on held-out rows.

        Raises InputError if ``set_params`` set ``contamination`` or ``novelty``, as a search over them does:
        they decide which rows are anomalous, which the ELBO does not measure, and all values of
        ``contamination`` have the same ELBO. Such a search needs ``scoring=`` and labels.
        """
        if chosen := getattr(self, "_chosen", None):
            name = min(chosen)
            raise InputError(
                f"the mean ELBO cannot choose {name!r}, which was set by set_params: it does not measure "
                f"which rows are called anomalous. A search over {name!r} needs scoring= and labels, such as "
                f"scoring='balanced_accuracy' with +1 for normal and -1 for anomalous rows; the ELBO itself "
                f"is score_samples(X).mean()"
            )
        return super().score(X)

    def n_calibration(self, n_rows: int) -> int:
        """Number of rows that ``fit`` holds out of n_rows to calibrate thresholds and p-values.

        Raises ValueError for parameters out of range and InputError for fewer than 2 rows.
        """
        self._validate_params()
        self._check_parameters()
        if n_rows < 2:
            raise InputError(f"n_rows must be at least 2, got {n_rows!r}")
        return self._n_calibration(n_rows)

    def encode(self, X: ArrayLike) -> Floats:
        """Posterior means of the latents, shape (n_rows, latent_dim_)."""
        check_is_fitted(self)
        return finite(self.model_.encode(self._checked(X)))

    def decode(self, Z: ArrayLike) -> Any:
        """Expected rows for latents Z (n_rows, latent_dim_), in the form and units given to ``fit``."""
        check_is_fitted(self)
        z = check_array(Z, dtype=np.float32)
        if z.shape[1] != self.latent_dim_:
            raise InputError(f"Z has {z.shape[1]} columns, but the latent space has {self.latent_dim_}")
        return self._like_training(self.model_.decode(z))

    def reconstruct(self, X: ArrayLike) -> Any:
        """The reconstruction of each row by the model: ``decode(encode(X))``.

        Missing cells of a table are filled in. Images use only the latents of the whole image.
        """
        return self.decode(self.encode(X))

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> Any:
        """Rows drawn from the model, in the form and units given to ``fit``."""
        check_is_fitted(self)
        if n_rows < 1:
            raise InputError(f"n_rows must be at least 1, got {n_rows!r}")
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        return self._like_training(self.model_.sample(n_rows, seed))

    def metadata(self) -> dict[str, Any]:
        """A JSON-serialisable summary of the fitted model: parameters, columns, training and threshold."""
        check_is_fitted(self)
        return summary(self, type(self).__name__, self._plain_params(), self._input_metadata())

    def score_parts(self, X: Any) -> Any:
        """Deprecated name of ``score_contributions``."""
        _warn_renamed("score_parts", "score_contributions")
        return self.score_contributions(X)

    @property
    def typical_parts_(self) -> Floats:
        """Deprecated name of ``typical_contributions_``."""
        _warn_renamed("typical_parts_", "typical_contributions_")
        return self.typical_contributions_

    def _check_is_fitted(self) -> None:
        check_is_fitted(self)

    def _repr_html_inner(self) -> str:
        """The diagram of scikit-learn, and below it a summary of the fit."""
        return str(super()._repr_html_inner()) + self._summary_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """``_repr_html_`` and the text, for notebooks."""
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._summary_html()
        return bundle

    def _summary_html(self) -> str:
        return summary_html(self.metadata(), self.history_) if self.__sklearn_is_fitted__() else ""

    @property
    def _sk_visual_block_(self) -> Callable[[], Any]:
        """The box of a fitted detector in the diagram of a Pipeline, with a caption.

        scikit-learn looks for this name. Unfitted detectors do not have it, and get the box of any
        estimator.
        """
        if not self.__sklearn_is_fitted__():
            raise AttributeError("_sk_visual_block_ is only defined after fit")
        name, text = type(self).__name__, caption(self.metadata())
        return lambda: visual_block()("single", self, names=name, name_details=str(self), name_caption=text)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(BaseEstimator.__getstate__(self)) | self._plain_params()
        state.pop("_chosen", None)
        if "model_" in state:
            state["model_"] = self._model_state()
        return {fitted.STORED_NAMES.get(name, name): value for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "model_" in state:
            state["model_"] = self._load_model(state["model_"], stored_device(state))
            state = fitted.with_tail(state)
            self._check_fitted(state)
        names = {stored: name for name, stored in fitted.STORED_NAMES.items()}
        BaseEstimator.__setstate__(self, {names.get(name, name): value for name, value in state.items()})
        try:
            self._validate_params()
            self._check_parameters()
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"a parameter of the model is out of range: {error}") from None

    def _fit(self, rows: Any, weights: Floats | None = None, split: Split | None = None) -> Self:
        """Split checked rows, fit the model and calibrate.

        Weights, of shape (n_rows,), are above 0. A ``split`` is one whose rows to hold out were given.
        """
        started = time.perf_counter()
        random = check_random_state(self.random_state)
        splits = self._splits(rows, random) if split is None else [split(random)]
        seed, counts = int(random.randint(2**31 - 1)), None
        if weights is not None:
            counts = row_counts(weights, seed)
            splits = repeated_splits(splits, counts)
        history = self._fit_model(rows, splits, seed, counts)
        self.history_ = {name: np.array(values) for name, values in asdict(history).items() if values}
        self.latent_dim_ = self.model_.latent_dim
        self._calibrate(rows, splits, counts, is_given=split is not None)
        elbo_train, elbo_validation = self._mean_elbos(rows, splits, history)
        self.training_ = {
            "n_rows": len(np.unique(np.concatenate([split.train for split in splits]))),
            "n_steps": int(history.step[-1]),
            "seconds": round(time.perf_counter() - started, 3),
            "elbo_train": elbo_train,
            "elbo_validation": elbo_validation,
        }
        return self

    def _calibrate(self, X: Any, splits: list[RowSplit], counts: Counts | None, *, is_given: bool) -> None:
        """Set the scores of the calibration rows, their typical contributions, and the threshold."""
        scores = self._calibration_scores(X, splits)
        self.calibration_scores_ = np.sort(scores)
        self._set_typical(X, splits, scores)
        if self.contamination != "auto":
            if not is_given:
                scores = self._score_samples(X)
            if counts is not None and not is_given:
                scores = scores[repeated_rows(np.arange(len(scores)), counts)]
            self._set_offset(thresholds.contamination_offset(scores, float(self.contamination)))
        elif self.novelty:
            self._guarantee(thresholds.auto_false_alarm_rate(len(self.calibration_scores_)))
        else:
            self._set_offset(thresholds.fence_offset(self.calibration_scores_))

    def _check_parameters(self) -> None:
        """Raise InvalidParameterError if a sequence has elements other than integers of at least 1."""
        self._check_whole("hidden_sizes", self.hidden_sizes)

    def _check_whole(self, name: str, values: Iterable[Any]) -> None:
        if not all(isinstance(value, int | np.integer) and value >= 1 for value in values):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(self).__name__} must be a list or tuple of int in the "
                f"range [1, inf). Got {values!r} instead."
            )

    def _plain_params(self) -> dict[str, Any]:
        """Parameters as model files store them; a random generator, which could be forged, becomes None."""
        params: dict[str, Any] = self.get_params(deep=False)
        if not isinstance(params["random_state"], int | np.integer):
            params["random_state"] = None
        return {name: _plain(value) for name, value in params.items()}


def _plain(value: Any) -> Any:
    """A parameter without numpy types; a sequence becomes a tuple of integers."""
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(int(size) for size in value)
    return value.item() if isinstance(value, np.generic) else value


def _warn_renamed(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated; use {new}", FutureWarning, stacklevel=3)

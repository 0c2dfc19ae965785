"""TabularVAEDetector: a variational autoencoder of tables behind scikit-learn's outlier detector face."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.validation import check_is_fitted

from anomaly_vae import thresholds
from anomaly_vae.columns.table import LATENT, Table, take_rows, whole_rows
from anomaly_vae.detectors import _fitting, _state
from anomaly_vae.detectors._base import Floats, VAEDetector, finite, resolve_device, stored_device
from anomaly_vae.detectors._input import as_table
from anomaly_vae.detectors._model import TableModel
from anomaly_vae.detectors._recipe import Recipe, novelty_recipe, outlier_recipe
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.schema import Schema

_MAX_TYPICAL_ROWS = 2_000
_AUTO = StrOptions({"auto"})


class TabularVAEDetector(VAEDetector):
    """Score rows of a table by a variational autoencoder's lower bound on their log likelihood.

    A score is an ELBO in nats of the encoded row (Kingma & Welling 2013): numbers count as densities
    of standardised (and where heavy-tailed, logged) values, categories as probabilities. ``elbo``
    gives the bound in the units of the table. Higher is more normal. The score is a weighted mean of two
    bounds, each in units of its own spread over training rows: that of a trained network, and that of
    a partner in closed form. On clean numbers the partner is a linear VAE whose prior is the codes of
    typical rows; on contaminated rows it takes each column by itself; in tables with categories (if
    clean), and in those with more cells than rows, it is the linear VAE that the network starts from.

    Parameters
    ----------
    novelty : bool, default=False
        True: the training rows are clean. False: they hold unlabelled anomalies; fit robustly, with
        heavy-tailed noise, and each batch less the fifth that is explained worst.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of the training rows to call anomalous. "auto" with ``novelty=True`` promises a
        false-alarm rate of 1 % instead, or the least rate that the held-out rows can promise;
        with ``novelty=False``, where held-out rows may be anomalies too, it fences off the lower
        tail of their scores by their median and lower quartile, and promises nothing (of clean rows
        it flags 6 % in the mean of many tables, and up to 22 % in a single fit).
    latent_dim : "auto" or int, default="auto"
        Width of the latent space.
    hidden_sizes : sequence of int, default=(96, 96)
        Hidden layers of the encoder, reversed in the decoder; () gives a linear VAE.
    max_steps : "auto" or int, default="auto"
        Training budget in steps; its cost does not depend on the number of rows.
    batch_size : "auto" or int, default="auto"
        Rows a step.
    learning_rate : float, default=3e-3
        Rate of AdamW.
    noise_floor : "auto" or float, default="auto"
        Least scale of a number given the latents, in standard deviations of its column.
    input_noise : "auto" or float, default="auto"
        Noise on the encoder's input while training, in the same unit.
    validation_fraction : "auto" or float in (0, 1), default="auto"
        Share of the rows held out: never trained on, they calibrate thresholds and p-values. "auto"
        is a tenth, but 50 rows of a table with fewer than 500, and never more than a fifth.
    early_stopping : bool, default=False
        Stop when the ELBO of half of the held-out rows no longer rises; the other half calibrates.
    device : str, default="auto"
        "auto" (a CUDA GPU where there is one), "cpu", "cuda", ...
    random_state : int, RandomState instance or None, default=None
        Source of all randomness of a fit; an int gives the same model again.
    verbose : int, default=0
        1 draws a progress bar with the running ELBO on stderr.

    Attributes
    ----------
    offset_ : float
        Scores below it are anomalous, in nats.
    false_alarm_rate_ : float or None
        The rate that the threshold promises, if it was set by one.
    tail_ : {"empirical", "gpd"} or None
        What that rate rests on: "empirical" is a promise of the held-out rows, "gpd" an estimate.
    calibration_scores_ : array of shape (n_calibration,)
        Scores of the held-out rows, ascending.
    history_ : dict of arrays
        ``step``, ``elbo_train``, ``elbo_validation`` (nats a row).
    schema_ : Schema
        What each column was taken for.
    latent_dim_ : int
        Width of the latent space.
    typical_parts_ : array of shape (n_features_in_ + 1,)
        Median part of each column, and of the latent term, over held-out rows.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : array of shape (n_features_in_,)
        Names of the columns, where the training table had names.

    Notes
    -----
    At most 200,000 rows are trained on and 100,000 calibrated with, drawn at random: a step budget
    visits no more.

    Examples
    --------
    >>> import numpy as np
    >>> from anomaly_vae import TabularVAEDetector
    >>> angle = np.random.default_rng(0).uniform(0, 6.28, 500)
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> detector = TabularVAEDetector(novelty=True, random_state=0).fit(circle)
    >>> on_the_circle, in_its_middle = detector.score_samples([[0.6, 0.8], [0.0, 0.0]])
    >>> bool(on_the_circle > in_its_middle)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "novelty": ["boolean"],
        "contamination": [_AUTO, Interval(Real, 0, 0.5, closed="right")],
        "latent_dim": [_AUTO, Interval(Integral, 1, 4096, closed="both")],
        "hidden_sizes": [list, tuple],
        "max_steps": [_AUTO, Interval(Integral, 1, None, closed="left")],
        "batch_size": [_AUTO, Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "noise_floor": [_AUTO, Interval(Real, 0, None, closed="neither")],
        "input_noise": [_AUTO, Interval(Real, 0, None, closed="left")],
        "validation_fraction": [_AUTO, Interval(Real, 0, 1, closed="neither")],
        "early_stopping": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        novelty: bool = False,
        contamination: float | str = "auto",
        latent_dim: int | str = "auto",
        hidden_sizes: Sequence[int] = (96, 96),
        max_steps: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float = 3e-3,
        noise_floor: float | str = "auto",
        input_noise: float | str = "auto",
        validation_fraction: float | str = "auto",
        early_stopping: bool = False,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.novelty = novelty
        self.contamination = contamination
        self.latent_dim = latent_dim
        self.hidden_sizes = hidden_sizes
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.noise_floor = noise_floor
        self.input_noise = input_noise
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike | pd.DataFrame, y: None = None) -> Self:
        """Fit on a table of shape (n_rows, n_columns) and set the threshold.

        Raises ValueError for parameters out of range and tables without rows or columns, SchemaError
        for double column names, CellTypeError for cells that are no numbers, text, truth values or
        dates. Warns with IdentifierColumnWarning for columns that it leaves out.
        """
        started = time.perf_counter()
        self._check_hidden_sizes()
        table = as_table(self, X, reset=True)
        random = check_random_state(self.random_state)
        split = _fitting.split_rows(len(table), self.validation_fraction, self.early_stopping, random)
        self._fit_model(table, split, int(random.randint(2**31 - 1)))
        self._calibrate(table, split)
        self.training_ = {
            "n_rows": len(split.train),
            "n_steps": int(self.history_["step"][-1]),
            "seconds": round(time.perf_counter() - started, 3),
            "elbo_train": float(self.history_["elbo_train"][-1]),
            "elbo_validation": float(self.calibration_scores_.mean()),
        }
        return self

    def score_parts(self, X: ArrayLike | pd.DataFrame) -> pd.DataFrame:
        """Nats that each column, and the latent term, adds to the score; rows sum to ``score_samples``.

        A column has its term of each bound, by the weights of the score. Where the prior is exemplars,
        it bears its share of the distance from the nearest one too: that of its squared difference from
        it. The latent term is the rest.

        One column a feature, in order, and last ``latent``; shape (n_rows, n_features_in_ + 1).
        """
        check_is_fitted(self)
        table = self._validated(X)
        index = X.index if isinstance(X, pd.DataFrame) else None
        parts = finite(self.model_.parts(table))
        return pd.DataFrame(parts, index=index, columns=[*self.schema_.names, LATENT])

    def explain(self, X: ArrayLike | pd.DataFrame, n_columns: int = 3) -> list[list[tuple[str, float]]]:
        """For each row the columns that cost it most: (name, nats below the column's typical part).

        At most ``n_columns`` a row, worst first; columns at or above their typical part are left out.
        """
        check_is_fitted(self)
        deficits = finite(self.model_.parts(self._validated(X))) - self.typical_parts_
        worst = np.argsort(deficits, axis=1, kind="stable")[:, :n_columns]
        costs = np.take_along_axis(deficits, worst, axis=1)
        names = [*self.schema_.names, LATENT]
        return [
            [(names[j], cost) for j, cost in zip(columns, nats, strict=True) if cost < 0]
            for columns, nats in zip(worst.tolist(), costs.tolist(), strict=True)
        ]

    def elbo(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Lower bound on the log density of each row in the table's own units, shape (n_rows,), in nats.

        ``score_samples`` plus the change of variables of every number that is present. Categories and
        dates count as they are encoded, columns that are left out not at all.
        """
        check_is_fitted(self)
        table = self._validated(X)
        jacobian: Floats = self.model_.encoder.log_jacobian(table).sum(axis=1)
        return finite(self._score_samples(table) + jacobian)

    def encode(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Posterior means of the latents, shape (n_rows, latent_dim_)."""
        check_is_fitted(self)
        return finite(self.model_.encode(self._validated(X)))

    def decode(self, Z: ArrayLike) -> NDArray[Any] | pd.DataFrame:
        """Expected rows, in the columns and units of the table, of latents (n_rows, latent_dim_)."""
        check_is_fitted(self)
        z = check_array(Z, dtype=np.float32)
        if z.shape[1] != self.latent_dim_:
            raise InputError(f"Z has {z.shape[1]} columns, but the latent space has {self.latent_dim_}")
        return self._like_training(self.model_.decode(z))

    def reconstruct(self, X: ArrayLike | pd.DataFrame) -> NDArray[Any] | pd.DataFrame:
        """What the model expected in place of each row; missing cells are filled in."""
        return self.decode(self.encode(X))

    def sample(self, n_rows: int = 1, random_state: int | None = None) -> NDArray[Any] | pd.DataFrame:
        """Rows drawn from the model, in the columns and units of the table."""
        check_is_fitted(self)
        if n_rows < 1:
            raise InputError(f"n_rows must be at least 1, got {n_rows!r}")
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        return self._like_training(self.model_.sample(n_rows, seed))

    @property
    def schema_(self) -> Schema:
        """What each column was taken for."""
        return self.model_.encoder.schema

    def metadata(self) -> dict[str, Any]:
        """What a person may want to know of the fitted model without loading it, fit for JSON."""
        check_is_fitted(self)
        return {
            "kind": type(self).__name__,
            "parameters": self._plain_params(),
            "schema": [asdict(column) for column in self.schema_.columns],
            "training": self.training_ | {"latent_dim": self.latent_dim_},
            "threshold": {
                "offset": self.offset_,
                "false_alarm_rate": self.false_alarm_rate_,
                "tail": self.tail_,
                "n_calibration": len(self.calibration_scores_),
            },
        }

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(BaseEstimator.__getstate__(self)) | self._plain_params()
        if "model_" in state:
            state["model_"] = state["model_"].get_state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if "model_" in state:
            state["model_"] = TableModel.from_state(state["model_"], stored_device(state))
            state = _state.with_tail(state)
            _check_fitted(state, set(self._get_param_names()))
        BaseEstimator.__setstate__(self, state)
        self._check_parameters()

    def _check_parameters(self) -> None:
        """Raise ModelFileError where a parameter of a state is out of range."""
        try:
            self._validate_params()
            self._check_hidden_sizes()
        except (TypeError, ValueError) as error:
            raise ModelFileError(f"a parameter of the model is out of range: {error}") from None

    def _check_hidden_sizes(self) -> None:
        if not all(isinstance(size, int | np.integer) and size >= 1 for size in self.hidden_sizes):
            raise InvalidParameterError(
                f"The 'hidden_sizes' parameter of {type(self).__name__} must be a list or tuple "
                f"of int in the range [1, inf). Got {self.hidden_sizes!r} instead."
            )

    def _validated(self, X: Any) -> Table:
        return as_table(self, X, reset=False)

    def _score_samples(self, X: Table) -> Floats:
        return self.model_.totals(X)

    def _fit_model(self, table: Table, split: _fitting.Split, seed: int) -> None:
        """Encode, start and train; sets what a model is made of."""
        device = resolve_device(self.device)
        encoder, cells = _fitting.fit_encoder(table, split.train)
        x = torch.from_numpy(cells).to(device)
        with whole_rows(split.watch):
            watch = torch.from_numpy(encoder.transform(take_rows(table, split.watch))).to(device)
        self.model_, history = _fitting.fit_model(
            encoder,
            x,
            watch,
            self._recipe(len(x), encoder.schema),
            seed,
            hidden_sizes=tuple(self.hidden_sizes),
            learning_rate=self.learning_rate,
            early_stopping=self.early_stopping,
            verbose=self.verbose,
        )
        self.history_ = {name: np.array(values) for name, values in asdict(history).items()}
        self.latent_dim_ = self.model_.latent_dim

    def _recipe(self, n_rows: int, schema: Schema) -> Recipe:
        recipe = (
            novelty_recipe(n_rows, schema.n_cells, schema.has_categories)
            if self.novelty
            else outlier_recipe(n_rows, schema.n_cells)
        )
        given = self._plain_params()
        return recipe.override(
            latent_dim=given["latent_dim"],
            noise_floor=given["noise_floor"],
            input_noise=given["input_noise"],
            n_steps=given["max_steps"],
            batch_size=given["batch_size"],
        )

    def _calibrate(self, table: Table, split: _fitting.Split) -> None:
        """Scores of the held-out rows, typical parts, and the threshold."""
        calibration = take_rows(table, split.calibration)
        self.calibration_scores_ = np.sort(self._score_samples(calibration))
        typical = take_rows(calibration, slice(0, _MAX_TYPICAL_ROWS))
        self.typical_parts_ = np.median(self.model_.parts(typical), axis=0)
        if self.contamination != "auto":
            scores = self._score_samples(table)
            self._set_offset(thresholds.contamination_offset(scores, float(self.contamination)))
        elif self.novelty:
            self._promise(thresholds.auto_false_alarm_rate(len(self.calibration_scores_)))
        else:
            self._set_offset(thresholds.fence_offset(self.calibration_scores_))

    def _like_training(self, frame: pd.DataFrame) -> NDArray[Any] | pd.DataFrame:
        """A frame where the training table had names, an array where it was one."""
        return frame if hasattr(self, "feature_names_in_") else frame.to_numpy()

    def _plain_params(self) -> dict[str, Any]:
        """Parameters as a file keeps them: of a generator object, which could be forged, nothing."""
        params: dict[str, Any] = self.get_params(deep=False)
        if not isinstance(params["random_state"], int | np.integer):
            params["random_state"] = None
        params |= {"hidden_sizes": tuple(int(size) for size in params["hidden_sizes"])}
        return {
            name: value.item() if isinstance(value, np.generic) else value for name, value in params.items()
        }


_FITTED = {
    "model_", "latent_dim_", "history_", "training_", "calibration_scores_", "typical_parts_",
    "offset_", "false_alarm_rate_", "tail_", "n_features_in_", "feature_names_in_",
}  # fmt: skip


def _check_fitted(state: dict[str, Any], params: set[str]) -> None:
    """Raise ModelFileError unless a fitted state is complete and consistent."""
    readers = state["model_"].encoder.readers
    n_columns = len(readers)
    _state.check_keys("detector", {"feature_names_in_": None} | state, params | _FITTED)
    _state.check_nats("typical_parts_", state["typical_parts_"], (n_columns + 1,))
    _state.check_history(state["history_"])
    _state.check_training(state["training_"])
    _state.check_names(state, [reader.name for reader in readers])
    _state.check_calibration(state["calibration_scores_"])
    if _state.check_whole("n_features_in_", state["n_features_in_"], 1) != n_columns:
        raise ModelFileError("the number of columns is damaged; fit and save the model again")
    if _state.check_whole("latent_dim_", state["latent_dim_"], 1) != state["model_"].latent_dim:
        raise ModelFileError("the width of the latent space is damaged; fit and save the model again")
    _state.check_threshold(state)

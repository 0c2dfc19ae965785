"""TabularVAEDetector: a variational autoencoder of tables as an outlier detector of scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, InvalidParameterError
from sklearn.utils.validation import _check_feature_names_in

from anomaly_vae.columns.table import Table, take_rows, whole_rows
from anomaly_vae.decisions import Floats, finite
from anomaly_vae.detectors import _fitting
from anomaly_vae.detectors._base import AUTO, VAEDetector
from anomaly_vae.detectors._devices import resolve_device
from anomaly_vae.detectors._input import as_table
from anomaly_vae.detectors._model import TableModel
from anomaly_vae.detectors._recipe import Recipe, novelty_recipe, outlier_recipe
from anomaly_vae.detectors._rolling import MEMORY, RollingFit, stored_memory
from anomaly_vae.detectors._splits import RowSplit, given_split, n_calibration_rows, split_rows
from anomaly_vae.detectors._weights import Counts, checked_weights, repeated_rows
from anomaly_vae.learning import LEARNING, loaded_learning, stored_learning
from anomaly_vae.monitoring import DriftMonitoring
from anomaly_vae.nearest.tables import NearestNormal
from anomaly_vae.runtime.calibration import Calibration
from anomaly_vae.runtime.export import FittedTable, export_model
from anomaly_vae.runtime.export_check import check_export
from anomaly_vae.schema import COLUMN_KINDS, Schema
from anomaly_vae.states import fitted
from anomaly_vae.states.table import TableState
from anomaly_vae.states.verdicts import CalibrationRows, LearningState, kept_rows, no_verdicts
from anomaly_vae.streaming import StreamFitting
from anomaly_vae.training import History
from anomaly_vae.verdicts.correction import Correction
from anomaly_vae.verdicts.features import features_of, n_kept, owners_of
from anomaly_vae.whole_files import write_whole

_MAX_TYPICAL_ROWS = 2_000
_N_EXPORT_ROWS = 32


class TabularVAEDetector(
    StreamFitting, NearestNormal, RollingFit, DriftMonitoring, TransformerMixin, VAEDetector
):
    """Score the rows of a table with a variational autoencoder's lower bound on their log likelihood.

    A score is an ELBO in nats of the encoded row (Kingma & Welling 2013): numbers count as densities
    of standardised values (after a log transform if heavy-tailed), categories as probabilities. ``elbo``
    gives the bound in the units of the table. Higher is more normal.

    The score is a weighted mean of up to three bounds, each in units of its own spread over rows that were
    not trained on: those of a trained network, of a linear VAE whose prior is centred on the codes of typical
    rows, and of a histogram of each column. Tables with more cells than rows have no histogram, and they and
    tables with categories have a linear VAE with a standard normal prior.

    A table of 20 to 2,000 rows is cross-fitted: five such models are fitted, each without a fifth of the
    rows, and the score is the largest of their bounds. Each row calibrates the model that was fitted without
    it.

    Parameters
    ----------
    novelty : bool, default=False
        True: the training rows are clean. False: they contain unlabelled anomalies; the fit is robust, with
        heavy-tailed noise, and leaves out the worst fifth of each batch.
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of the training rows to call anomalous. "auto" with ``novelty=True`` guarantees a
        false-alarm rate instead: 1 % with at least 999 calibration rows, 10 / (n + 1) with n of them, but at
        most 5 %, or the least rate that can be guaranteed if that is higher. "auto" with ``novelty=False``,
        where calibration rows may be anomalies too, puts a fence below their scores, computed from the median
        and the lower quartile. The fence guarantees no rate: see the explanation of thresholds.
    latent_dim : "auto" or int, default="auto"
        Width of the latent space.
    hidden_sizes : sequence of int, default=(96, 96)
        Hidden layers of the encoder, reversed in the decoder; () gives a linear VAE.
    max_steps : "auto" or int, default="auto"
        Number of training steps; their cost does not depend on the number of rows.
    batch_size : "auto" or int, default="auto"
        Rows per step.
    learning_rate : float, default=3e-3
        Learning rate of AdamW.
    noise_floor : "auto" or float, default="auto"
        Least scale of a number given the latents, in standard deviations of its column.
    input_noise : "auto" or float, default="auto"
        Noise on the encoder's input during training, in the same unit.
    validation_fraction : "auto" or float in (0, 1), default="auto"
        Share of the rows to hold out. They are never trained on and calibrate thresholds and p-values. "auto"
        cross-fits a table of 20 to 2,000 rows; of a larger one it is a tenth, or 1,000 rows if that is more,
        but at most a quarter. A ninth of the other rows sets the weights of the members.
    early_stopping : bool, default=False
        Stop when the ELBO of half of the held-out rows no longer rises; the other half calibrates.
    column_kinds : dict of str to str, optional
        What columns are, by name, as ``fit --columns`` reads it from a file; the kinds of others are found.
        "numeric", "datetime" and "boolean" are read as such, or are an error; "categorical" is one value of
        several, also if it looks like a number, a date or an identifier; "ignore" and "identifier" are left
        out. Columns without names are x0, x1, ...
    device : str, default="auto"
        "auto" (a CUDA GPU if there is one), "cpu", "cuda", ...
    random_state : int, RandomState instance or None, default=None
        Source of all randomness of a fit; the same int gives the same model.
    verbose : int, default=0
        1 shows a progress bar with the current ELBO on stderr.

    Attributes
    ----------
    offset_ : float
        Scores below it are anomalous, in nats.
    false_alarm_rate_ : float or None
        The false-alarm rate of the threshold, if the threshold was set by a rate.
    tail_ : {"empirical", "gpd"} or None
        The basis of that rate: "empirical" is a guarantee from held-out rows, "gpd" an estimate.
    threshold_interval_ : (float, float) or None
        Interval of the threshold in nats: with 90 % confidence it contains the quantile of normal scores at
        ``false_alarm_rate_``. None if the threshold guarantees no rate.
    false_alarm_interval_ : (float, float) or None
        The actual false-alarm rate of this fit is in this interval with 90 % confidence. None if the
        threshold guarantees no rate.
    calibration_scores_ : array of shape (n_calibration,)
        Scores of the calibration rows by models that were fitted without them, ascending.
    history_ : dict of arrays
        ``step``, ``elbo_train``, and ``elbo_validation`` if rows were held out for it (nats per row).
    schema_ : Schema
        The kind of each column.
    latent_dim_ : int
        Width of the latent space.
    typical_contributions_ : array of shape (n_features_in_ + 1,)
        Median contribution of each column, and of the latent term, over held-out rows.
    verdicts_ : VerdictLog
        The verdicts that ``learn`` received.
    column_weights_ : array of shape (n_features_in_ + 1,)
        How much of its former shortfall each column counts after the verdicts.
    memory_ : RowMemory
        Rows that ``partial_fit`` keeps; they are in pickles, and not in model files.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : array of shape (n_features_in_,)
        Names of the columns, if the training table had names.

    Notes
    -----
    At most 200,000 rows are used for training and 100,000 for calibration, drawn at random: the number of
    steps is fixed and visits no more. ``fit_stream`` fits on rows that do not fit into memory.

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
        **VAEDetector._parameter_constraints,
        "max_steps": [AUTO, Interval(Integral, 1, None, closed="left")],
        "batch_size": [AUTO, Interval(Integral, 1, None, closed="left")],
        "noise_floor": [AUTO, Interval(Real, 0, None, closed="neither")],
        "input_noise": [AUTO, Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "column_kinds": [dict, None],
    }

    model_: TableModel

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
        column_kinds: Mapping[str, str] | None = None,
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
        self.column_kinds = column_kinds
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike | pd.DataFrame,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        held_out: ArrayLike | None = None,
    ) -> Self:
        """Fit on a table of shape (n_rows, n_columns) and set the threshold.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_columns)
            The training rows.
        y : None
            Not used.
        sample_weight : array of shape (n_rows,), optional
            The number of rows that each row counts as, at least 0; 1 by default. A row of weight 0 is as if
            it were absent. Training sees a row that often: the scaling of numbers, the frequencies of
            categories, and all members. Fractions are rounded at random, so that a weight of 0.3 is a row in
            three of ten fits. The share of a ``contamination`` is one of the weighted rows. Weights do not
            change which rows are held out, nor how these calibrate: the copies of a row stay together, and
            p-values, false-alarm rates and the fence count each held-out row once, because a row that is
            counted twice guarantees no more than one.
        held_out : array of bool, shape (n_rows,), optional
            The rows to hold out, instead of ``validation_fraction`` of them at random, for rows to train on
            that were chosen otherwise. All others are trained on, and guarantees are those for rows that are
            distributed like the held-out ones. The share of a ``contamination`` is then one of the held-out
            rows. Up to 2,000 of the held-out rows, an eighth as many as are trained on and at most half of
            them, set the weights of the members and do not calibrate. Such a fit is not cross-fitted.

        Raises
        ------
        ValueError
            For parameters out of range and tables without rows or columns.
        InputError
            For weights that are not finite or below 0, for fewer than 2 rows by weight, and for a
            ``held_out`` that has no row to train on or to calibrate with.
        SchemaError
            For duplicate column names.
        CellTypeError
            For cells that are not numbers, text, booleans or dates.

        Warns
        -----
        IdentifierColumnWarning
            For identifier columns, which are left out.
        """
        self._check_parameters()
        rows = self._checked(X, reset=True)
        self.__dict__.pop(MEMORY, None)
        if sample_weight is None:
            return self._fit(rows, split=given_split(held_out, slice(None), len(rows), self.early_stopping))
        weights = checked_weights(sample_weight, len(rows))
        kept = np.flatnonzero(weights > 0.0)
        split = given_split(held_out, kept, len(rows), self.early_stopping)
        with whole_rows(kept):
            return self._fit(take_rows(rows, kept), weights[kept], split)

    def transform(self, X: ArrayLike | pd.DataFrame) -> Floats:
        """Latents and contributions as features for other estimators.

        Returns
        -------
        array of shape (n_rows, latent_dim_ + n_contributions), or the container of ``set_output``
            The columns of ``encode(X)`` and those of ``score_contributions(X)``, in nats.
        """
        self._check_is_fitted()
        table = self._checked(X)
        return finite(np.hstack([self.model_.encode(table), self._contributions(table)]))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """The names of the columns of ``transform``: ``latent0``, ..., and ``contribution_<column>``, ...

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns, if the detector was fitted without names; ``x0``, ``x1``, ... by default.
        """
        self._check_is_fitted()
        names = _check_feature_names_in(self, input_features)
        contributions = [*names, *self._contribution_names()[len(names) :]]
        latents = [f"latent{k}" for k in range(self.latent_dim_)]
        return np.array([*latents, *(f"contribution_{name}" for name in contributions)], dtype=object)

    def to_onnx(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write scoring, from raw columns to decisions, as one ONNX model, which runs without this package.

        The model has one input of shape (n_rows, 1) for each column that it reads: numbers (NaN is missing),
        texts (an empty text is missing), or dates as seconds since 1970 (NaN is missing). Its outputs are
        ``score``, ``p_value``, ``severity``, ``is_anomaly`` (n_rows,), and ``contributions`` (n_rows,
        n_features_in_ + 1), with one more column if the detector learned from verdicts. Before the file is
        written, ONNX Runtime scores generated rows with it, and the results are compared with those of the
        detector.

        Parameters
        ----------
        path : str or path-like
            Path of the file; the usual suffix is ``.onnx``.
        overwrite : bool, default=True
            Whether an existing file is replaced.

        Raises
        ------
        InputError
            If a category is an empty text, or if ``path`` exists and ``overwrite`` is False.
        ExportError
            If the results differ: scores by more than 1e-4 nats and a millionth, or a ten thousandth if the
            detector learned from verdicts.
        """
        self._check_is_fitted()
        learned = self.learning_.plain(self.typical_contributions_) if self._has_learned else None
        fitted_table = FittedTable(
            self.model_.state(),
            Calibration(self.calibration_scores_, self.offset_),
            self._typical_contributions(),
            self._contribution_names(),
            self.false_alarm_rate_,
            self.tail_,
            learned,
        )
        model = export_model(fitted_table)
        check_export(model, fitted_table, self.model_.sample(_N_EXPORT_ROWS, 0), self._score_samples)
        write_whole(path, model.SerializeToString(), overwrite=overwrite)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def _checked(self, X: Any, *, reset: bool = False) -> Table:
        return as_table(self, X, reset=reset)

    def _n_calibration(self, n_rows: int) -> int:
        return n_calibration_rows(n_rows, self.validation_fraction, self.early_stopping)

    def _splits(self, X: Table, random: np.random.RandomState) -> list[RowSplit]:
        return split_rows(len(X), self.validation_fraction, self.early_stopping, random)

    def _fit_model(self, X: Table, splits: list[RowSplit], seed: int, counts: Counts | None) -> History:
        device = resolve_device(self.device)
        trained = splits[0].train if len(splits) == 1 else np.arange(len(X))
        if counts is not None and len(splits) > 1:
            trained = repeated_rows(trained, counts)
        encoder = _fitting.fit_encoder(X, trained, self.column_kinds)

        def encoded(rows: NDArray[np.int64]) -> torch.Tensor:
            return torch.from_numpy(_fitting.encoded_rows(encoder, X, rows)).to(device)

        train = [encoded(split.train) for split in splits]
        self.model_, history = _fitting.fit_ensembles(
            encoder,
            train,
            [encoded(split.watch) for split in splits],
            self._recipe(len(train[0]), encoder.schema, is_fold=len(splits) > 1),
            seed,
            hidden_sizes=tuple(self.hidden_sizes),
            learning_rate=self.learning_rate,
            early_stopping=self.early_stopping,
            verbose=self.verbose,
        )
        return history

    def _recipe(self, n_rows: int, schema: Schema, *, is_fold: bool) -> Recipe:
        recipe = (
            novelty_recipe(n_rows, schema.n_cells, schema.has_categories, is_fold=is_fold)
            if self.novelty
            else outlier_recipe(n_rows, schema.n_cells, schema.has_categories, is_fold=is_fold)
        )
        given = self._plain_params()
        return recipe.override(
            latent_dim=given["latent_dim"],
            noise_floor=given["noise_floor"],
            input_noise=given["input_noise"],
            n_steps=given["max_steps"],
            batch_size=given["batch_size"],
        )

    def _calibration_scores(self, X: Table, splits: list[RowSplit]) -> Floats:
        scores = []
        for k, split in enumerate(splits):
            with whole_rows(split.calibration):
                scores.append(self.model_.bounds(take_rows(X, split.calibration))[:, k])
        return np.concatenate(scores)

    def _set_typical(self, X: Table, splits: list[RowSplit], scores: Floats) -> None:
        order, encoder = np.argsort(scores, kind="stable"), self.model_.encoder
        kept = order[kept_rows(len(order), n_kept(len(order), encoder.schema))]
        folds = np.repeat(np.arange(len(splits)), [len(split.calibration) for split in splits])
        rows = np.concatenate([split.calibration for split in splits])
        contributions = np.empty((len(rows), len(encoder.readers) + 1))
        for fold in range(len(splits)):
            chosen = np.sort(kept[folds[kept] == fold])
            contributions[chosen] = self.model_.contributions_of(take_rows(X, rows[chosen]), fold)
        self.typical_contributions_ = np.median(contributions[_first(folds, kept)], axis=0)
        cells = encoder.transform(take_rows(X, rows[kept]))
        features = features_of(contributions[kept], self.typical_contributions_, cells)
        state = LearningState(
            CalibrationRows(self.calibration_scores_, features), no_verdicts(features.shape[1])
        )
        self.learning_ = Correction(state, owners_of(encoder.schema))

    def _expected_rows(self, X: Table) -> NDArray[Any] | pd.DataFrame:
        return self._like_training(self.model_.decode(finite(self.model_.encode(X)).astype(np.float32)))

    def _mean_elbos(self, X: Table, splits: list[RowSplit], history: History) -> tuple[float, float]:
        return float(history.elbo_train[-1]), float(self.calibration_scores_.mean())

    def _like_training(self, rows: pd.DataFrame) -> NDArray[Any] | pd.DataFrame:
        """A frame if the training table had names, else an array."""
        return rows if hasattr(self, "feature_names_in_") else rows.to_numpy()

    def _model_state(self) -> dict[str, Any]:
        return self.model_.state().get_state()

    def _load_model(self, state: dict[str, Any], device: torch.device) -> TableModel:
        return TableModel.from_state(TableState.from_state(state), device)

    def _check_fitted(self, state: dict[str, Any]) -> None:
        model: TableModel = state["model_"]
        names = [reader.name for reader in model.encoder.readers]
        params, more = set(self._get_param_names()), {LEARNING, fitted.OUTPUT} & state.keys()
        more |= stored_memory(state)
        fitted.check_fitted(state, params, names, len(names) + 1, model.latent_dim, more)
        state.update(loaded_learning(state, model.encoder.schema))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name, kind in (self.column_kinds or {}).items():
            if not isinstance(name, str) or kind not in COLUMN_KINDS:
                raise InvalidParameterError(
                    f"The 'column_kinds' parameter of TabularVAEDetector: column {name!r}: wanted one of the "
                    f"kinds {', '.join(COLUMN_KINDS)}, got {kind!r}."
                )

    def _plain_params(self) -> dict[str, Any]:
        """Without kinds of columns if none are given, as in files of earlier releases."""
        params = super()._plain_params()
        if not params["column_kinds"]:
            del params["column_kinds"]
        return params

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__() | stored_learning(self)
        if not state["column_kinds"]:
            del state["column_kinds"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"column_kinds": None, **state})


def _first(folds: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first rows of each fold that are kept, from which typical contributions are computed."""
    rows = np.sort(kept)
    return np.concatenate([rows[folds[rows] == fold][:_MAX_TYPICAL_ROWS] for fold in range(folds.max() + 1)])

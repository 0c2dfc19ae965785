"""Laws: fitted steps follow them, and a step whose attributes contradict each other does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import decomposition, impute, preprocessing

from anomaly_vae import ModelFileError
from anomaly_vae.model_file.steps import laws
from anomaly_vae.model_file.steps.widths import MAX_COLUMNS

X = np.random.default_rng(0).normal(size=(40, 3))
HOLES = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)


def bins(encode: str = "onehot") -> Any:
    return preprocessing.KBinsDiscretizer(3, strategy="uniform", encode=encode).fit(X)


def knn(**options: Any) -> Any:
    return impute.KNNImputer(**options).fit(HOLES)


def quantiles() -> Any:
    return preprocessing.QuantileTransformer(n_quantiles=10).fit(HOLES)


def indicator() -> Any:
    return impute.MissingIndicator().fit(HOLES)


def power() -> Any:
    return preprocessing.PowerTransformer().fit(X)


def reducer() -> Any:
    return decomposition.PCA(2).fit(X)


check_scaler = laws.check_all(laws.check_width("_scaler"), laws.check_present(standardize="_scaler"))

FITTED: list[tuple[Callable[[Any], None], Any]] = [
    (laws.check_bins, bins()),
    (laws.check_bins, bins("ordinal")),
    (laws.check_knn, knn()),
    (laws.check_knn, impute.KNNImputer(missing_values=-1).fit(X)),
    (laws.check_quantiles, quantiles()),
    (laws.check_indicator, indicator()),
    (laws.check_components, reducer()),
    (check_scaler, power()),
    (check_scaler, preprocessing.PowerTransformer(standardize=False).fit(X)),
]


@pytest.mark.parametrize(("law", "step"), FITTED, ids=lambda value: type(value).__name__)
def test_a_fitted_step_follows_its_law(law: Callable[[Any], None], step: Any) -> None:
    """No law is stricter than `fit`."""
    law(step)


def swap_edges(step: Any) -> None:
    step.bin_edges_[0] = step.bin_edges_[0][::-1].copy()


def lose_an_edge(step: Any) -> None:
    step.bin_edges_[0] = step.bin_edges_[0][:-1]


def lose_the_encoder(step: Any) -> None:
    del step._encoder


def encode_other_bins(step: Any) -> None:
    step._encoder.categories_[0] = np.arange(4.0)


def move_the_mask(step: Any) -> None:
    step._mask_fit_X = ~step._mask_fit_X


def swap_quantiles(step: Any) -> None:
    step.quantiles_[[0, 9]] = step.quantiles_[[9, 0]]


def swap_references(step: Any) -> None:
    step.references_ = step.references_[::-1]


def lose_references(step: Any) -> None:
    step.references_, step.quantiles_ = step.references_[:0], step.quantiles_[:0]


def count_other_columns(step: Any) -> None:
    step._n_features = 4


def add_components(step: Any) -> None:
    step.components_ = np.zeros((4, 3))


def narrow_the_scaler(step: Any) -> None:
    step._scaler.n_features_in_ = 2


def lose_the_scaler(step: Any) -> None:
    del step._scaler


CONTRADICTIONS = [
    (laws.check_bins, bins, swap_edges),
    (laws.check_bins, bins, lose_an_edge),
    (laws.check_bins, bins, lose_the_encoder),
    (laws.check_bins, bins, encode_other_bins),
    (laws.check_knn, knn, move_the_mask),
    (laws.check_quantiles, quantiles, swap_quantiles),
    (laws.check_quantiles, quantiles, swap_references),
    (laws.check_quantiles, quantiles, lose_references),
    (laws.check_indicator, indicator, count_other_columns),
    (laws.check_components, reducer, add_components),
    (check_scaler, power, narrow_the_scaler),
    (check_scaler, power, lose_the_scaler),
]


@pytest.mark.parametrize(
    ("law", "fit", "change"), CONTRADICTIONS, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_contradiction_is_rejected(
    law: Callable[[Any], None], fit: Callable[[], Any], change: Callable[[Any], None]
) -> None:
    """One changed attribute is enough; the message names the class."""
    step = fit()
    change(step)
    with pytest.raises(ModelFileError, match="^holds a [A-Z]"):
        law(step)


@pytest.mark.parametrize(
    "options", [{"degree": 3}, {"degree": (2, 3)}, {"degree": 2, "interaction_only": True}]
)
def test_polynomials_are_derived_from_the_number_of_columns(options: dict[str, Any]) -> None:
    """Not taken from a file."""
    step = preprocessing.PolynomialFeatures(**options)
    step.n_features_in_ = 3
    laws.check_polynomials(step)
    np.testing.assert_array_equal(step.transform(X), type(step)(**options).fit_transform(X))


@pytest.mark.parametrize(("degree", "n_columns"), [(10**9, 1), (6, 100), (1, MAX_COLUMNS + 1)])
def test_polynomials_of_too_many_columns_are_rejected_at_once(degree: int, n_columns: int) -> None:
    """Before scikit-learn allocates anything."""
    step = preprocessing.PolynomialFeatures(degree)
    step.n_features_in_ = n_columns
    with pytest.raises(ModelFileError, match=f"more than {MAX_COLUMNS:,} columns"):
        laws.check_polynomials(step)

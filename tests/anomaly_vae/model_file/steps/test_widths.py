"""Widths: the steps of a Pipeline that is loaded fit each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, impute, preprocessing
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from anomaly_vae import ModelFileError
from anomaly_vae.model_file.steps.widths import MAX_COLUMNS, check_widths, n_outputs
from anomaly_vae.model_file.writing import without_caches
from tests.anomaly_vae import forging

X = forging.numbers().round(1)
HOLES = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
EMPTY = np.where(np.arange(3) == 1, np.nan, HOLES)
NAMED = pd.DataFrame(X, columns=["a", "b", "c"])


def columns(*chosen: Any, **options: Any) -> ColumnTransformer:
    steps = [(f"s{i}", preprocessing.StandardScaler(), part) for i, part in enumerate(chosen)]
    return ColumnTransformer(steps, **options)


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        (preprocessing.StandardScaler(), X),
        (preprocessing.OneHotEncoder(), X),
        (preprocessing.OneHotEncoder(max_categories=4, drop="first"), X),
        (preprocessing.OneHotEncoder(drop="if_binary"), X > 0),
        (preprocessing.OrdinalEncoder(), X),
        (preprocessing.KBinsDiscretizer(3, encode="ordinal", strategy="uniform"), X),
        (preprocessing.KBinsDiscretizer(3, encode="onehot", strategy="uniform"), X),
        (preprocessing.PolynomialFeatures(3), X),
        (preprocessing.PolynomialFeatures((2, 3), interaction_only=True), X),
        (impute.SimpleImputer(), EMPTY),
        (impute.SimpleImputer(keep_empty_features=True, add_indicator=True), EMPTY),
        (impute.SimpleImputer(strategy="constant"), HOLES),
        (impute.KNNImputer(add_indicator=True), EMPTY),
        (impute.MissingIndicator(), EMPTY),
        (decomposition.PCA(2), X),
        (decomposition.TruncatedSVD(2), X),
        (VarianceThreshold(1.0), X),
        (FeatureUnion([("a", decomposition.PCA(1)), ("b", "drop"), ("c", "passthrough")]), X),
        (make_pipeline("passthrough", preprocessing.PolynomialFeatures(), decomposition.PCA(4)), X),
        (columns(["a"], ["c", "b"]), NAMED),
        (columns([0, 2], remainder="passthrough"), X),
        (columns([True, False, True], remainder="drop"), X),
        (columns(slice("b", "c"), slice(0, 1)), NAMED),
        (columns(np.array([0, -1])), X),
        (columns(make_column_selector(pattern="b|c"), []), NAMED),
    ],
    ids=lambda value: str(value).replace("\n", " ")[:50] if not isinstance(value, np.ndarray) else "",
)
@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_the_width_is_that_of_the_output(step: Any, rows: Any) -> None:
    """Of a fitted step, and of what comes out of a file of it."""
    width = step.fit(rows).transform(rows).shape[1]
    assert n_outputs(without_caches(step), 3) == width
    assert n_outputs(forging.rebuilt(step), 3) == width


def test_steps_of_other_widths_are_refused() -> None:
    """By kind and numbers."""
    scaler, reducer = preprocessing.StandardScaler().fit(X), decomposition.PCA(2).fit(X[:, :2])
    with pytest.raises(ModelFileError, match="holds a PCA of 2 columns where 3 arrive"):
        check_widths(Pipeline([("a", scaler), ("b", reducer)]))


def test_columns_that_are_not_at_their_positions_are_refused() -> None:
    """A step would get others than it was fitted on, or none."""
    for change in (
        lambda fitted: fitted._transformer_to_input_indices.update(s0=[1]),
        lambda fitted: fitted._transformer_to_input_indices.pop("s0"),
        lambda fitted: fitted.transformers_.__setitem__(0, ("s0", fitted.transformers_[0][1], ["z"])),
        lambda fitted: fitted.transformers_.__setitem__(0, ("s0", fitted.transformers_[0][1], [7])),
        lambda fitted: setattr(fitted, "feature_names_in_", np.array(["x", "y", "z"], dtype=object)),
    ):
        fitted = columns(["a"], ["c"]).fit(NAMED)
        change(fitted)
        with pytest.raises(ModelFileError, match="holds a ColumnTransformer"):
            n_outputs(fitted, 3)


def test_a_step_that_makes_too_many_columns_is_refused() -> None:
    """Unions that double, or one that repeats its input."""
    step: Any = "passthrough"
    for _ in range(40):
        step = (
            FeatureUnion([("a", step), ("b", step)])
            if isinstance(step, str)
            else make_pipeline(step, FeatureUnion([("a", "passthrough"), ("b", "passthrough")]))
        )
    with pytest.raises(ModelFileError, match=f"at most {MAX_COLUMNS:,} are allowed"):
        n_outputs(step, 3)

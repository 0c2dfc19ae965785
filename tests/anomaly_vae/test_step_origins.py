"""The input columns that steps of scikit-learn make their columns from, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from anomaly_vae.step_origins import origins, restored

RANDOM = np.random.default_rng(0)
NUMBERS = pd.DataFrame(RANDOM.normal(3.0, 2.0, size=(40, 3)), columns=["a", "b", "c"])
GAPS = NUMBERS.mask(RANDOM.random(NUMBERS.shape) < 0.2)
EMPTY = GAPS.assign(b=np.nan)
MIXED = NUMBERS.assign(colour=RANDOM.choice(["red", "blue", "green"], 40), size=RANDOM.choice(["S", "M"], 40))
CONSTANT = NUMBERS.assign(b=1.0)

COLUMNS = make_column_transformer(
    (OneHotEncoder(sparse_output=False), ["colour", "size"]),
    (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["c", "a"]),
    ("drop", ["b"]),
)
STEPS = {
    "scaler": (StandardScaler(), NUMBERS, [{0}, {1}, {2}]),
    "passthrough": (make_pipeline("passthrough"), NUMBERS, [{0}, {1}, {2}]),
    "imputer": (SimpleImputer(), GAPS, [{0}, {1}, {2}]),
    "flags": (SimpleImputer(add_indicator=True), GAPS, [{0}, {1}, {2}, {0}, {1}, {2}]),
    "neighbours": (KNNImputer(), EMPTY, [{0}, {2}]),
    "selector": (VarianceThreshold(), CONSTANT, [{0}, {2}]),
    "selector and scaler": (make_pipeline(VarianceThreshold(), StandardScaler()), CONSTANT, [{0}, {2}]),
    "bins": (KBinsDiscretizer(2, quantile_method="averaged_inverted_cdf"), NUMBERS[["a"]], [{0}, {0}]),
    "columns": (COLUMNS, MIXED, [{3}, {3}, {3}, {4}, {4}, {2}, {0}]),
    "union": (make_union(StandardScaler(), PCA(1)), NUMBERS, [{0}, {1}, {2}, {0, 1, 2}]),
    "products": (PolynomialFeatures(2), NUMBERS[["a"]], [{0}] * 3),
    "mixture": (make_pipeline(StandardScaler(), PCA(2)), NUMBERS, [{0, 1, 2}] * 2),
}


@pytest.mark.parametrize("case", STEPS)
def test_outputs_have_the_inputs_that_they_are_made_of(case: str) -> None:
    step, X, wanted = STEPS[case]
    n_outputs = step.fit_transform(X).shape[1]
    assert origins(step, X.shape[1], n_outputs) == wanted


@pytest.mark.parametrize("case", STEPS)
def test_an_output_depends_on_no_other_input(case: str) -> None:
    """Checked on the step itself: a change of the other columns leaves the output as it was."""
    step, X, _ = STEPS[case]
    before = _dense(step.fit_transform(X))
    for j, below in enumerate(origins(step, X.shape[1], before.shape[1])):
        others = [k for k in range(X.shape[1]) if k not in below]
        changed = X.copy()
        changed.iloc[:, others] = X.iloc[::-1, others].to_numpy()
        if case != "neighbours":  # whose values for missing cells depend on all columns
            np.testing.assert_array_equal(_dense(step.transform(changed))[:, j], before[:, j])


INVERTIBLE = {
    "scaler": (StandardScaler(), NUMBERS),
    "columns": (COLUMNS, MIXED.assign(b=np.nan)),
    "ordinal": (OrdinalEncoder(), MIXED[["colour", "size"]]),
    "function": (FunctionTransformer(np.exp, inverse_func=np.log), NUMBERS),
    "pipeline": (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
    "nothing": (make_pipeline("passthrough"), NUMBERS),
}


@pytest.mark.parametrize("case", INVERTIBLE)
def test_cells_are_restored_in_the_units_that_went_in(case: str) -> None:
    """A round trip; a column that was dropped is NaN."""
    step, X = INVERTIBLE[case]
    back = pd.DataFrame(restored(step, _dense(step.fit_transform(X)), X.shape[1]), columns=X.columns)
    pd.testing.assert_frame_equal(back.infer_objects(), X, check_dtype=False)


@pytest.mark.parametrize(
    "step", [FunctionTransformer(np.exp), Normalizer(), make_union(StandardScaler(), StandardScaler())]
)
def test_a_step_without_a_way_back_gives_nothing(step: Any) -> None:
    """Also a function without its inverse, which scikit-learn would return unchanged."""
    assert pd.isna(restored(step, _dense(step.fit_transform(NUMBERS)), 3)).all()


def _dense(X: Any) -> Any:
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)

"""Generated rows: a Pipeline can read them, and they have only values that its steps learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, impute, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from anomaly_vae.model_file.generated_rows import generated_rows, input_names, n_inputs
from tests.anomaly_vae import forging

X = forging.numbers().round(1)
COUNTS = np.random.default_rng(0).integers(0, 3, (60, 2)).astype(float)

STEPS: list[Any] = [
    preprocessing.StandardScaler(),
    preprocessing.RobustScaler(with_centering=False),
    preprocessing.MinMaxScaler(),
    preprocessing.QuantileTransformer(n_quantiles=10),
    preprocessing.KBinsDiscretizer(2, strategy="uniform", encode="ordinal"),
    preprocessing.OneHotEncoder(sparse_output=False),
    impute.KNNImputer(),
    make_pipeline(impute.SimpleImputer(strategy="most_frequent"), preprocessing.OrdinalEncoder()),
    make_pipeline("passthrough", preprocessing.Normalizer(), decomposition.PCA(2)),
    FeatureUnion([("a", preprocessing.Binarizer()), ("b", preprocessing.OrdinalEncoder())]),
    ColumnTransformer([("a", preprocessing.OrdinalEncoder(), [1])], remainder="passthrough"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
@pytest.mark.parametrize("n_rows", [1, 7])
def test_the_steps_can_read_them(step: Any, n_rows: int) -> None:
    """Each column has a cell per row, and unknown categories would be an error."""
    model = make_pipeline(step).fit(COUNTS)
    columns = generated_rows(model, n_rows)
    assert [len(column) for column in columns] == [n_rows, n_rows]
    assert np.isfinite(model.transform(np.array(columns).T)).all()


def test_a_column_has_all_values_of_its_encoder_in_turn() -> None:
    """Numbers beside them are around the mean of a scaler."""
    columns = generated_rows(forging.encoded(), 6)
    scaler = forging.encoded().steps[0][1].named_transformers_["numbers"]
    assert columns[1] == ["blue", "green", "red"] * 2
    assert columns[0][:2] == pytest.approx([scaler.mean_[0], scaler.mean_[0] - scaler.scale_[0]])
    assert columns[2][0] == scaler.mean_[1]


def test_values_that_json_cannot_hold_are_left_out() -> None:
    """Missing categories, for example; a column without known values gets small positive numbers."""
    rows = pd.DataFrame({"a": ["x", None, "y"], "b": [1.0, 2.0, 3.0]})
    steps = ColumnTransformer([("a", preprocessing.OrdinalEncoder(), ["a"])], remainder="passthrough").fit(
        rows
    )
    assert generated_rows(steps, 3) == [["x", "y", "x"], [0.5, 1.0, 2.0]]


def test_the_input_is_that_of_the_first_step_that_is_fitted() -> None:
    """A step "passthrough" has no columns of its own."""
    scaler = preprocessing.StandardScaler().fit(pd.DataFrame(X, columns=["a", "b", "c"]))
    model = Pipeline([("nothing", "passthrough"), ("union", FeatureUnion([("drop", "drop"), ("s", scaler)]))])
    assert n_inputs(model) == 3
    assert list(input_names(model)) == ["a", "b", "c"]
    assert input_names(forging.scaled()) is None

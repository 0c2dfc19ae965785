"""The steps that a model file may hold come back whole, in every release of scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, impute, kernel_approximation, preprocessing, random_projection
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from anomaly_vae import ModelFileError, load, save
from anomaly_vae.model_file import tree
from anomaly_vae.model_file.contents import read_model_tree
from anomaly_vae.model_file.rebuild import rebuild_step
from anomaly_vae.model_file.steps import catalogue
from anomaly_vae.model_file.writing import dump
from tests.anomaly_vae import forging

INTEGERS = np.random.default_rng(3).integers(0, 3, (120, 2)).astype(float)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.avae"


class TestAllowed:
    @pytest.mark.parametrize(
        "step",
        [
            preprocessing.Binarizer(),
            preprocessing.FunctionTransformer(np.arcsinh, feature_names_out="one-to-one"),
            preprocessing.KBinsDiscretizer(3, strategy="uniform", encode="onehot-dense"),
            preprocessing.MaxAbsScaler(),
            preprocessing.MinMaxScaler(),
            preprocessing.Normalizer(),
            preprocessing.OneHotEncoder(sparse_output=False),
            preprocessing.OneHotEncoder(sparse_output=False, max_categories=4, drop="first"),
            preprocessing.OrdinalEncoder(),
            preprocessing.PolynomialFeatures(),
            preprocessing.PowerTransformer(),
            preprocessing.QuantileTransformer(n_quantiles=10),
            preprocessing.RobustScaler(),
            preprocessing.StandardScaler(),
            impute.MissingIndicator(features="all"),
            impute.KNNImputer(),
            impute.SimpleImputer(add_indicator=True),
            decomposition.FactorAnalysis(2),
            decomposition.FastICA(2, random_state=0),
            decomposition.IncrementalPCA(2),
            decomposition.PCA(2),
            decomposition.TruncatedSVD(2),
            random_projection.GaussianRandomProjection(2, random_state=0),
            kernel_approximation.Nystroem(n_components=3, random_state=0),
            kernel_approximation.RBFSampler(n_components=3, random_state=0),
            VarianceThreshold(),
            FeatureUnion([("a", preprocessing.StandardScaler()), ("b", decomposition.PCA(1))]),
            make_pipeline(preprocessing.StandardScaler(), "passthrough"),
        ],
        ids=lambda step: type(step).__name__,
    )
    def test_the_transformers_on_the_list_come_back_whole(self, step: BaseEstimator, path: Path) -> None:
        """Each gives the same output bit for bit after the round trip."""
        X = forging.numbers().round(1)
        step.set_output(transform="pandas").fit(X)
        detector = forging.untrained().fit(step.transform(X))
        save(Pipeline([("step", step), ("detector", detector)]), path)
        again = load(path).steps[0][1]
        pd.testing.assert_frame_equal(again.transform(X), step.transform(X), check_exact=True)

    @pytest.mark.parametrize(
        ("step", "rows"),
        [
            (preprocessing.OrdinalEncoder(max_categories=2), np.array([1.0, 2.0, np.nan] * 40)[:, None]),
            (preprocessing.OneHotEncoder(drop=[1.0, 2.0], dtype="int32", sparse_output=False), INTEGERS),
            (preprocessing.OneHotEncoder(categories=[(0, 1, 2), [0, 1, 2]], sparse_output=False), INTEGERS),
            (preprocessing.OneHotEncoder(dtype=bool, sparse_output=False), INTEGERS),
            (preprocessing.KBinsDiscretizer([2, 3], encode="ordinal", strategy="uniform"), INTEGERS),
            (preprocessing.PolynomialFeatures(degree=[2, 3]), INTEGERS),
            (impute.SimpleImputer(strategy="constant"), np.where(np.arange(2) == 1, np.nan, INTEGERS)),
            (random_projection.GaussianRandomProjection(eps=0.99, random_state=0), np.ones((120, 400))),
            (decomposition.FactorAnalysis(1, noise_variance_init=[1.0, 1.0]), INTEGERS),
            (decomposition.FastICA(1, w_init=[[1.0]], random_state=0), INTEGERS),
            (ColumnTransformer([("s", preprocessing.StandardScaler(), [-1])]), INTEGERS),
            (ColumnTransformer([("s", preprocessing.StandardScaler(), (0, 1))]), INTEGERS),
        ],
        ids=lambda value: "" if isinstance(value, np.ndarray) else str(value).replace("\n", " ")[:60],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_options_in_other_forms_come_back_too(self, step: Any, rows: Any, path: Path) -> None:
        """Lists and tuples where arrays are usual, defaults that fit leaves, and columns that are dropped."""
        model = make_pipeline(step, forging.untrained()).fit(rows)
        save(model, path)
        np.testing.assert_array_equal(load(path).score_samples(rows), model.score_samples(rows))

    def test_every_name_on_the_list_exists_and_is_tried(self) -> None:
        """A class that scikit-learn moved would be refused without anybody noticing."""
        tried = {
            name
            for mark in TestAllowed.test_the_transformers_on_the_list_come_back_whole.pytestmark  # type: ignore[attr-defined]
            for step in mark.args[1]
            for name in [f"{type(step).__module__}.{type(step).__qualname__}"]
        }
        apart = {
            "sklearn.compose._column_transformer.ColumnTransformer",
            "sklearn.compose._column_transformer.make_column_selector",
        }
        assert tried | apart == set(catalogue.CLASSES)

    def test_column_selectors_and_data_frames_work(self, path: Path) -> None:
        """The usual recipe for a mixed table is saved as it stands."""
        columns = ColumnTransformer(
            [
                ("n", preprocessing.StandardScaler(), make_column_selector(dtype_include=np.number)),
                ("c", preprocessing.OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
            ],
            remainder="passthrough",
            sparse_threshold=0,
        ).set_output(transform="default")
        X = forging.table()
        save(make_pipeline(columns, forging.untrained()).fit(X), path)
        again = load(path)
        np.testing.assert_array_equal(again[:-1].transform(X), columns.transform(X))


def stated(step: BaseEstimator, **parameters: Any) -> tree.Described:
    """A fitted step as a file of another release of scikit-learn states it."""
    described = read_model_tree(dump(step))
    return tree.Described(described.name, {**described.state, **parameters})


@pytest.mark.parametrize("value", [True, False])
def test_a_parameter_that_only_fit_reads_may_be_unknown_here(value: object) -> None:
    """`force_int_remainder_cols` came with scikit-learn 1.5 and went with 1.9."""
    step = ColumnTransformer([("s", preprocessing.StandardScaler(), [0])], remainder="passthrough").fit(
        INTEGERS
    )
    built = rebuild_step(stated(step, force_int_remainder_cols=value))
    np.testing.assert_array_equal(built.transform(INTEGERS), step.transform(INTEGERS))


def test_an_unknown_parameter_that_matters_is_refused() -> None:
    """With its name."""
    step = preprocessing.MinMaxScaler().fit(INTEGERS)
    with pytest.raises(ModelFileError, match="attribute 'bend', which no MinMaxScaler has"):
        rebuild_step(stated(step, bend=True))
    columns = ColumnTransformer([("s", preprocessing.StandardScaler(), [0])]).fit(INTEGERS)
    with pytest.raises(ModelFileError, match="force_int_remainder_cols"):
        rebuild_step(stated(columns, force_int_remainder_cols="always"))

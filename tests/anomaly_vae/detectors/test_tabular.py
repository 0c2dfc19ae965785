"""TabularVAEDetector: laws of its scores, and the anomalies that it finds."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import InputError, SchemaError, TabularVAEDetector, load, load_scorer, save
from anomaly_vae.detectors._recipe import MAX_EXEMPLARS

QUICK: dict[str, Any] = {"max_steps": 30, "validation_fraction": 0.25, "random_state": 0}


def test_rows_score_alike_one_at_a_time_shuffled_and_all_at_once(
    fitted: TabularVAEDetector, fresh: pd.DataFrame
) -> None:
    """A row's score depends on that row alone, to the last bit."""
    scores = fitted.score_samples(fresh)
    alone = np.concatenate([fitted.score_samples(fresh.iloc[[i]]) for i in range(100)])
    order = np.random.default_rng(0).permutation(len(fresh))
    many = fitted.score_samples(pd.concat([fresh] * 20, ignore_index=True))
    assert np.array_equal(alone, scores[:100])
    assert np.array_equal(fitted.score_samples(fresh.iloc[order]), scores[order])
    assert np.array_equal(many, np.tile(scores, 20))


def test_contributions_sum_to_the_score(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """There is one contribution per column, and one of the latents."""
    contributions = fitted.score_contributions(fresh)
    assert list(contributions.columns) == [*fresh.columns, "latent"]
    np.testing.assert_allclose(contributions.sum(axis=1), fitted.score_samples(fresh), rtol=0, atol=1e-6)


def test_global_generators_are_not_used(table: pd.DataFrame) -> None:
    """Neither fitting nor scoring nor sampling uses the global generator of torch or numpy."""
    torch_before, numpy_before = torch.get_rng_state(), _numpy_state()
    TabularVAEDetector(**QUICK).fit(table).sample(3, random_state=0)
    assert torch.equal(torch_before, torch.get_rng_state())
    assert np.array_equal(numpy_before, _numpy_state())


def _numpy_state() -> Any:
    return np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002


def test_parameters_are_stored_unchanged() -> None:
    """The constructor stores the objects that it receives."""
    sizes = [16, 8]
    detector = TabularVAEDetector(hidden_sizes=sizes, contamination=0.1)
    assert detector.hidden_sizes is sizes
    assert clone(detector).get_params() == detector.get_params()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latent_dim", 0),
        ("contamination", 0.7),
        ("max_steps", "many"),
        ("learning_rate", -1.0),
        ("validation_fraction", 1.0),
        ("hidden_sizes", 32),
    ],
)
def test_a_parameter_out_of_range_is_named(name: str, value: Any) -> None:
    """The message is that of scikit-learn: the parameter, what it must be, what it is."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter of TabularVAEDetector must be"):
        TabularVAEDetector(**{name: value}).fit(np.eye(5))


def test_hidden_sizes_must_be_whole_positive_numbers() -> None:
    """The error of a layer of 0 or 0.5 units names the parameter."""
    with pytest.raises(ValueError, match="hidden_sizes"):
        TabularVAEDetector(hidden_sizes=(16, 0)).fit(np.eye(5))


def test_contamination_flags_that_share_of_the_training_rows(table: pd.DataFrame) -> None:
    """As in scikit-learn: a contamination of 5 % calls 5 % of the training rows anomalous."""
    detector = TabularVAEDetector(contamination=0.05, **QUICK).fit(table)
    assert np.sum(detector.predict(table) == -1) == 30


@pytest.mark.slow
def test_memorised_anomalies_are_still_found() -> None:
    """Anomalies in the training rows are found almost as well as new ones."""
    random = np.random.default_rng(0)
    X, y = load_breast_cancer(return_X_y=True)
    benign, malignant = (random.permutation(np.flatnonzero(y == label)) for label in (1, 0))
    rows = np.r_[benign[:320], malignant[:40]]
    X, anomalous = X[rows], y[rows] == 0
    seen = TabularVAEDetector(random_state=0).fit(X).score_samples(X)
    unseen = np.empty(len(X))
    folds = random.permutation(len(X)) % 2
    for fold in (0, 1):
        half = TabularVAEDetector(random_state=0).fit(X[folds != fold])
        unseen[folds == fold] = half.score_samples(X[folds == fold])
    assert roc_auc_score(anomalous, -seen) > roc_auc_score(anomalous, -unseen) - 0.03


def test_the_trained_detector_beats_its_initialisation_and_pca() -> None:
    """On digits, zero against the rest, training finds more than the closed form and PCA do."""
    X, y = load_digits(return_X_y=True)
    normal = X[y != 0]
    train, test = normal[::2], np.r_[normal[1::2], X[y == 0]]
    anomalous = np.r_[np.zeros(len(normal[1::2])), np.ones((y == 0).sum())]

    def auroc(**params: Any) -> float:
        detector = TabularVAEDetector(novelty=True, random_state=0, **params).fit(train)
        return float(roc_auc_score(anomalous, -detector.score_samples(test)))

    pca = make_pipeline(StandardScaler(), PCA(20)).fit(train)
    error = np.square(StandardScaler().fit(train).transform(test) - _project(pca, test)).sum(axis=1)
    trained, start = auroc(), auroc(max_steps=1, learning_rate=1e-12)
    assert trained > start + 0.01
    assert trained > roc_auc_score(anomalous, error) + 0.01


def _project(pca: Any, X: np.ndarray[Any, Any]) -> Any:
    return pca[-1].inverse_transform(pca.transform(X))


def test_an_anomalous_cell_is_named(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """The explanation puts a value that contradicts the others first."""
    strange = fresh.iloc[[0]].copy()
    strange["weight"] = -strange["weight"] + 4
    reasons = fitted.explain(strange, n_columns=2)[0]
    assert {name for name, _ in reasons} <= {"weight", "length", "latent", "colour"}
    assert reasons[0][1] < -4


def test_missing_unseen_and_huge_cells_have_finite_scores(
    fitted: TabularVAEDetector, fresh: pd.DataFrame
) -> None:
    """The score is finite and lower than before."""
    normal = fitted.score_samples(fresh.iloc[[0]])[0]
    changes: dict[str, Any] = {
        "length": np.inf, "weight": -1e300, "count": 1e308, "colour": "mauve", "unit": 7.01,
    }  # fmt: skip
    for column, value in changes.items():
        row = fresh.iloc[[0]].astype({column: object})
        row[column] = value
        score = fitted.score_samples(row)[0]
        assert np.isfinite(score), column
        assert score < normal - 3, column
    empty = fresh.iloc[[0]].astype(object)
    empty[:] = None
    assert np.isfinite(fitted.score_samples(empty)).all()


def test_a_constant_column_that_changes_costs_a_bounded_amount(
    fitted: TabularVAEDetector, fresh: pd.DataFrame
) -> None:
    """A shift of 0.01 and one of a million have the same cost: the log of the number of rows."""
    small, large = fresh.head(1).astype({"unit": float}), fresh.head(1).astype({"unit": float})
    small["unit"], large["unit"] = 7.01, 7e6
    costs = [
        float(
            fitted.score_contributions(changed)["unit"].iloc[0]
            - fitted.score_contributions(fresh.head(1))["unit"].iloc[0]
        )
        for changed in (small, large)
    ]
    assert costs[0] == costs[1]
    assert -np.log(600) - 1 < costs[0] < -np.log(100)


def test_a_reconstruction_fills_in_missing_values(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """A missing value is reconstructed from the column that it depends on."""
    holes = fresh.copy()
    holes["weight"] = np.nan
    filled = fitted.reconstruct(holes)
    assert isinstance(filled, pd.DataFrame)
    assert list(filled.columns) == list(fresh.columns)
    assert np.corrcoef(filled["weight"], fresh["weight"])[0, 1] > 0.8


def test_samples_look_like_the_table(fitted: TabularVAEDetector, table: pd.DataFrame) -> None:
    """Samples have the columns, kinds, ranges and dependences of the table; a seed repeats them."""
    drawn = fitted.sample(500, random_state=0)
    assert isinstance(drawn, pd.DataFrame)
    assert drawn.equals(fitted.sample(500, random_state=0))
    assert set(drawn["colour"]) <= {"red", "green", "blue", "<other>"}
    assert drawn["length"].between(table["length"].min(), table["length"].max()).all()
    assert (drawn["count"] == drawn["count"].round()).all()
    assert 0.1 < drawn["note"].isna().mean() < 0.5
    assert drawn[["length", "weight"]].corr().iloc[0, 1] > 0.8
    assert abs(drawn["length"].mean() - table["length"].mean()) < 0.5


def test_decoded_latents_are_the_reconstruction(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Latents of another width are an error."""
    codes = fitted.encode(fresh)
    assert codes.shape == (len(fresh), fitted.latent_dim_)
    pd.testing.assert_frame_equal(fitted.decode(codes), fitted.reconstruct(fresh))
    with pytest.raises(InputError, match="latent space"):
        fitted.decode(codes[:, :1])


@pytest.mark.parametrize("n_rows", [500, 2500])
@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.slow
def test_the_bound_in_units_of_the_table_is_a_density(novelty: bool, n_rows: int) -> None:
    """Over one number, the exponential of the bound integrates to at most 1, and not to much less.

    An exemplar prior uses only the nearest exemplar, and may be too low by the logarithm of their number.
    """
    X = np.random.default_rng(0).normal(50, 20, size=(n_rows, 1))
    detector = TabularVAEDetector(novelty=novelty, random_state=0).fit(X)
    grid = np.linspace(-150, 250, 4001)
    mass = np.trapezoid(np.exp(detector.elbo(grid[:, None])), grid)
    assert 0.5 / MAX_EXEMPLARS < mass <= 1.01


def test_the_score_does_not_depend_on_units(table: pd.DataFrame, fresh: pd.DataFrame) -> None:
    """Metres or millimetres: the score is the same, and the bound differs by the log of the factor."""
    in_metres, in_millimetres = table[["length", "weight"]], table[["length", "weight"]] * 1024.0
    one = TabularVAEDetector(**QUICK).fit(in_metres)
    other = TabularVAEDetector(**QUICK).fit(in_millimetres)
    new = fresh[["length", "weight"]]
    np.testing.assert_allclose(one.score_samples(new), other.score_samples(new * 1024.0), rtol=1e-5)
    np.testing.assert_allclose(one.elbo(new) - other.elbo(new * 1024.0), 2 * np.log(1024.0), rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_and_float64_and_memmaps_agree(dtype: Any, tmp_path: Path) -> None:
    """The same numbers give nearly the same scores in either precision, and from a read-only file."""
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(dtype)
    np.save(tmp_path / "x.npy", X)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    scores = TabularVAEDetector(**QUICK).fit(X).score_samples(X)
    assert np.array_equal(TabularVAEDetector(**QUICK).fit(on_disk).score_samples(on_disk), scores)
    reference = TabularVAEDetector(**QUICK).fit(X.astype(np.float64)).score_samples(X.astype(np.float64))
    np.testing.assert_allclose(scores, reference, rtol=1e-4, atol=1e-3)


def test_pickle_and_joblib_keep_every_score(
    fitted: TabularVAEDetector, fresh: pd.DataFrame, tmp_path: Path
) -> None:
    """A copy through pickle or joblib gives the same scores, bit for bit."""
    scores = fitted.score_samples(fresh)
    joblib.dump(fitted, tmp_path / "model.joblib")
    for copied in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "model.joblib")):
        assert np.array_equal(copied.score_samples(fresh), scores)
        assert copied.metadata() == fitted.metadata()


def test_it_works_inside_pipelines_and_searches(table: pd.DataFrame) -> None:
    """Behind a ColumnTransformer, and tuned by its own held-out ELBO."""
    numbers = ColumnTransformer([("numbers", StandardScaler(), make_column_selector(dtype_include="float"))])
    pipeline = make_pipeline(numbers, TabularVAEDetector(**QUICK)).fit(table)
    assert pipeline.predict(table).shape == (len(table),)
    X = table[["length", "weight"]].to_numpy()
    search = GridSearchCV(TabularVAEDetector(**QUICK), {"latent_dim": [1, 2]}, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.score(X) == pytest.approx(search.best_estimator_.score_samples(X).mean())


@pytest.mark.parametrize(("n_rows", "n_columns"), [(2, 1), (2, 3), (20, 2), (5, 5), (20, 300), (50, 1)])
def test_any_shape_of_table_can_be_fitted(n_rows: int, n_columns: int) -> None:
    """With at least two rows and one column, fitting works and scores are finite."""
    X = np.random.default_rng(0).normal(size=(n_rows, n_columns))
    for novelty in (False, True):
        detector = TabularVAEDetector(novelty=novelty, **QUICK).fit(X)
        assert np.isfinite(detector.score_samples(X)).all()
        assert np.isfinite(detector.offset_)


@pytest.mark.parametrize(
    "X",
    [
        np.ones((30, 3)),
        np.repeat([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]], 10, axis=0),
        np.random.default_rng(0).standard_cauchy((200, 3)) * 1e12,
        np.where(np.random.default_rng(0).random((100, 3)) < 0.5, np.nan, 1.0),
        np.c_[np.full(40, np.nan), np.arange(40.0)],
        np.r_[np.random.default_rng(0).normal(size=(50, 2)), [[np.inf, 1e300], [-1e308, -np.inf]]],
    ],
    ids=["constant", "three rows", "heavy tails", "holes", "empty column", "infinities"],
)
def test_odd_tables_give_finite_scores_without_a_warning(X: np.ndarray[Any, Any]) -> None:
    """Training data may be constant, duplicated, heavy-tailed, missing and infinite."""
    for novelty in (False, True):
        scores = TabularVAEDetector(novelty=novelty, **QUICK).fit(X).score_samples(X)
        assert np.isfinite(scores).all()


def test_other_columns_are_named(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """A missing, renamed or unreadable column is named in the message."""
    with pytest.raises(ValueError, match="length"):
        fitted.score_samples(fresh.drop(columns="length"))
    with pytest.raises(InputError, match="column 'length', row 2: wanted a number, got 'tall'"):
        fitted.score_samples(fresh.astype({"length": object}).assign(length=[1.0, 2.0, "tall"] * 100))
    doubled = fresh.copy()
    doubled.columns = pd.Index(["length", "length", *fresh.columns[2:]])
    with pytest.raises(SchemaError, match="'length' appears more than once"):
        TabularVAEDetector().fit(doubled)


def test_lists_of_mixed_rows_are_read() -> None:
    """A list of Python rows of numbers and text is a table."""
    rows = [[float(i % 7), "ab"[i % 2]] for i in range(40)]
    detector = TabularVAEDetector(**QUICK).fit(rows)
    assert [column.kind for column in detector.schema_.columns] == ["numeric", "categorical"]
    assert detector.score_samples([[3.0, "z"]])[0] < detector.score_samples([[3.0, "a"]])[0]


def test_metadata_is_plain(fitted: TabularVAEDetector) -> None:
    """It can be written as JSON, and describes the fitted model."""
    import json

    metadata = json.loads(json.dumps(fitted.metadata()))
    assert metadata["training"]["n_rows"] == 400
    assert {column["kind"] for column in metadata["schema"]} == {
        "numeric", "categorical", "boolean", "datetime", "constant",
    }  # fmt: skip


def test_a_generator_as_random_state_is_not_kept(table: pd.DataFrame) -> None:
    """A RandomState works, but a saved model does not contain a generator, which could be forged."""
    generator = np.random.RandomState(0)
    detector = TabularVAEDetector(max_steps=20, random_state=generator).fit(table[["length"]])
    assert detector.__getstate__()["random_state"] is None
    assert pickle.loads(pickle.dumps(detector)).random_state is None


def test_a_cell_is_named_by_its_row_in_the_whole_table() -> None:
    """In scoring, also beyond the first block of rows, and in fitting."""
    X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=5000), "b": "x"})
    detector = TabularVAEDetector(**QUICK).fit(X)
    X = X.astype({"a": object})
    X.loc[4321, "a"] = "oops"
    with pytest.raises(InputError, match="'a', row 4321: wanted a number"):
        detector.score_samples(X)
    strange = X.head(200).astype(object)
    strange["b"] = [{} if row == 150 else "x" for row in range(200)]
    with pytest.raises(TypeError, match="'b', row 150"):
        TabularVAEDetector().fit(strange)


@pytest.mark.parametrize("row", [3, 60, 111, 150])
def test_a_cell_that_is_held_out_is_named_by_its_row_too(row: int) -> None:
    X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200), "b": "x"}).astype(object)
    X.iat[row, 0] = {}
    with pytest.raises(TypeError, match=f"'a', row {row}:"):
        TabularVAEDetector(**QUICK).fit(X)


def test_a_table_of_categories_raises_few_alerts() -> None:
    """Tied scores have no spread; the default threshold still flags only a small share of clean rows."""
    random = np.random.default_rng(0)
    X = pd.DataFrame({"k": np.where(random.random(2000) < 0.8, "a", "b"), "m": random.integers(0, 3, 2000)})
    assert np.mean(TabularVAEDetector(**QUICK).fit(X).predict(X) == -1) < 0.05


def test_latent_is_a_reserved_name() -> None:
    """A column called "latent" is an error, because it would be confused with the contribution."""
    with pytest.raises(SchemaError, match="rename the column"):
        TabularVAEDetector().fit(pd.DataFrame({"latent": np.arange(10.0)}))


def test_numpy_scalars_as_parameters_can_be_saved(tmp_path: Path) -> None:
    """A model with parameters from a search over np.arange can be saved."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    found = TabularVAEDetector(latent_dim=np.int64(2), max_steps=20, random_state=np.int64(3)).fit(X)
    save(found, tmp_path / "model.avae")
    assert np.array_equal(load(tmp_path / "model.avae").score_samples(X), found.score_samples(X))


def test_scoring_from_many_threads_changes_nothing(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Scores are the same from eight threads at once, and torch keeps its number of threads."""
    scores, before = fitted.score_samples(fresh), torch.get_num_threads()
    with ThreadPoolExecutor(8) as pool:
        assert all(np.array_equal(s, scores) for s in pool.map(fitted.score_samples, [fresh] * 24))
        assert set(pool.map(lambda _: torch.get_num_threads(), range(24))) == {before}
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


def test_complex_numbers_are_refused_in_a_frame_too() -> None:
    """As scikit-learn does for arrays; the message names the column."""
    with pytest.raises(InputError, match="Complex data not supported: column 'a'"):
        TabularVAEDetector().fit(pd.DataFrame({"a": [1j, 2.0, 3.0]}))


def test_features_are_latents_and_contributions(fitted: TabularVAEDetector, fresh: pd.DataFrame) -> None:
    """Under names of their own, in the container that was set, with the index of the rows."""
    rows = fresh[:9].set_axis(range(7, 16))
    wanted = np.hstack([fitted.encode(rows), fitted.score_contributions(rows)])
    np.testing.assert_array_equal(fitted.transform(rows), wanted)
    names = list(fitted.get_feature_names_out())
    assert names[0] == "latent0"
    assert names[fitted.latent_dim_ :] == [f"contribution_{name}" for name in [*fresh.columns, "latent"]]
    framed = copy.copy(fitted).set_output(transform="pandas").transform(rows)
    pd.testing.assert_frame_equal(framed, pd.DataFrame(wanted, rows.index, names))
    with pytest.raises(ValueError, match="input_features"):
        fitted.get_feature_names_out(["a"])


def test_the_container_of_features_is_saved(path: Path) -> None:
    """Also that of a Pipeline, which sets it for all of its steps."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    detector = TabularVAEDetector(max_steps=2, random_state=0)
    save(make_pipeline(detector).set_output(transform="pandas").fit(X), path)
    assert isinstance(load(path).transform(X), pd.DataFrame)
    save(detector, path)
    pd.testing.assert_frame_equal(load_scorer(path).detector().transform(X), detector.transform(X))


def test_kinds_of_columns_stay_with_the_model(path: Path) -> None:
    """Through clone, pickle, a model file and its scorer; an ignored column has no effect, missing or not."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"store": random.choice([17, 4, 9], 60), "ticket": range(60), "price": random.normal(size=60)}
    )
    kinds = {"store": "categorical", "ticket": "ignore"}
    detector = clone(TabularVAEDetector(column_kinds=kinds, max_steps=5, random_state=0)).fit(table)
    assert [column.kind for column in detector.schema_.columns] == ["categorical", "identifier", "numeric"]
    save(detector, path)
    holes = table.assign(ticket=np.nan, store=table["store"].replace(17, 18))
    for again in (load(path), pickle.loads(pickle.dumps(detector)), load_scorer(path).detector()):
        assert again.get_params()["column_kinds"] == kinds
        np.testing.assert_array_equal(again.score_samples(holes), detector.score_samples(holes))
    assert load_scorer(path).metadata() == detector.metadata()
    assert detector.metadata()["parameters"]["column_kinds"] == kinds


@pytest.mark.parametrize("kinds", [{"a": "float"}, {1: "text"}, ["text"]])
def test_other_kinds_of_columns_are_refused(kinds: Any) -> None:
    with pytest.raises(ValueError, match="'column_kinds' parameter of TabularVAEDetector"):
        TabularVAEDetector(column_kinds=kinds).fit(np.eye(3))

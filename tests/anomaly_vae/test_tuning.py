"""Choosing parameters: what is compared, on which rows, and what is refused."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from anomaly_vae import InputError, MissingExtraError, PerKey, TabularVAEDetector, tune

Detector = partial(
    TabularVAEDetector, max_steps=3, hidden_sizes=(8,), validation_fraction=0.2, random_state=0
)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 3)) @ RANDOM.normal(size=(3, 6)) + 0.05 * RANDOM.normal(size=(120, 6))
X[::10] += 3.0 * RANDOM.normal(size=(12, 6))
Y = np.where(np.arange(120) % 10, 1, -1)
PARAMETERS = {"latent_dim": [1, 3], "noise_floor": ["auto", 0.1]}


@pytest.fixture(scope="module")
def tuned():
    return tune(Detector(), X, parameters=PARAMETERS)


def test_each_value_is_that_of_a_fit_without_the_rows_held_out(tuned):
    """So the fit does not see them, neither to train nor to calibrate; a quarter of the rows."""
    assert tuned.held_out_.sum() == 30
    assert len(tuned.results_) == 4
    for line in tuned.results_.to_dict("records"):
        given = {name: line[name] for name in PARAMETERS}
        model = clone(Detector()).set_params(**given).fit(X[~tuned.held_out_])
        assert line["elbo"] == model.elbo(X[tuned.held_out_]).mean()
        assert line["seconds"] > 0.0
    assert tuned.results_["error"].isna().all()


def test_the_best_is_fitted_on_all_rows(tuned):
    """It has the highest value."""
    best = tuned.results_.loc[tuned.results_["elbo"].idxmax()]
    assert tuned.best_params_ == {name: best[name] for name in PARAMETERS}
    wanted = clone(Detector()).set_params(**tuned.best_params_).fit(X)
    assert (tuned.best_estimator_.score_samples(X) == wanted.score_samples(X)).all()


def test_the_result_does_not_depend_on_the_number_of_jobs(tuned):
    """Nor on the backend of joblib."""
    found = tune(Detector(), X, parameters=PARAMETERS, n_jobs=2, backend="threading")
    assert found.results_.drop(columns="seconds").equals(tuned.results_.drop(columns="seconds"))
    assert (found.best_estimator_.score_samples(X) == tuned.best_estimator_.score_samples(X)).all()


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(7)])
def test_all_candidates_have_the_same_random_numbers(random_state):
    """So that equal ones have equal values."""
    found = tune(Detector(random_state=random_state), X, parameters={"verbose": [0, 0]})
    assert found.results_["elbo"].nunique() == 1


@pytest.mark.slow
def test_other_processes_give_the_same(tuned):
    """They get copies of the detector and of the rows."""
    found = tune(Detector(), X, parameters=PARAMETERS, n_jobs=2)
    assert found.results_.drop(columns="seconds").equals(tuned.results_.drop(columns="seconds"))


def test_values_are_in_the_units_of_the_table(tuned):
    """Other units add the same number to those of all candidates, and the same candidate is the best."""
    units = np.array([1e3, 1e-3, 1.0, 10.0, 1.0, 1e2])
    found = tune(Detector(), X * units, parameters=PARAMETERS)
    shift = found.results_["elbo"] - tuned.results_["elbo"]
    assert shift.to_numpy() == pytest.approx(-np.log(units).sum(), abs=0.02)
    assert found.best_params_ == tuned.best_params_


def test_a_candidate_that_fails_is_in_the_results():
    """The others are compared; only if all fail there is nothing to return."""
    found = tune(Detector(), X, parameters={"latent_dim": [-1, 2]})
    assert found.results_["error"][0].startswith("InvalidParameterError: The 'latent_dim' parameter")
    assert np.isnan(found.results_["elbo"][0])
    assert found.best_params_ == {"latent_dim": 2}
    with pytest.raises(InputError, match=r"^all 2 candidates failed, the first with InvalidParameterError: "):
        tune(Detector(), X, parameters={"latent_dim": [-1, -2]})


def test_labels_compare_scores():
    """Both parts of the rows have their share of anomalies."""
    found = tune(Detector(), X, Y, parameters={"contamination": [0.1]}, metric="roc_auc")
    out = found.held_out_
    assert (Y[out] < 0).sum() == 3
    value = roc_auc_score(Y[out], Detector().fit(X[~out]).score_samples(X[out]))
    assert found.results_["roc_auc"][0] == pytest.approx(value)


def test_novelty_is_fitted_on_normal_rows():
    """Labels say which they are."""
    found = tune(Detector(), X, Y, parameters={"novelty": [True]})
    wanted = Detector(novelty=True).fit(X[Y > 0])
    assert (found.best_estimator_.score_samples(X) == wanted.score_samples(X)).all()


def test_labels_choose_the_parameters_of_any_outlier_detector():
    """Of the steps of a Pipeline too."""
    model = make_pipeline(StandardScaler(), IsolationForest(random_state=0))
    found = tune(model, X, Y, parameters={"isolationforest__n_estimators": [2, 20]})
    assert found.results_.columns[1] == "average_precision"
    assert len(found.best_estimator_[-1].estimators_) in (2, 20)


def test_candidates_are_drawn_and_rows_are_held_out_as_asked():
    """From distributions, and by a mask."""
    out = np.arange(120) >= 100
    parameters = {"learning_rate": stats.loguniform(1e-4, 1e-2)}
    one, other = (tune(Detector(), X, parameters=parameters, n_iter=2, held_out=out) for _ in range(2))
    assert (one.held_out_ == out).all()
    assert one.results_["learning_rate"].nunique() == 2
    assert one.best_params_ == other.best_params_


def test_the_parameters_of_per_key_are_chosen():
    rows = np.column_stack([np.arange(120) % 2, X])
    found = tune(PerKey(Detector()), rows, parameters={"estimator__latent_dim": [1, 2]})
    assert found.best_estimator_.estimator.latent_dim == found.best_params_["estimator__latent_dim"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"parameters": {"contamination": [0.1]}},
            r"the mean ELBO cannot choose 'contamination': .*give labels",
        ),
        ({"parameters": {"column_kinds": [None]}}, r"cannot choose 'column_kinds': .* different units"),
        ({"metric": "f1"}, r"metric: wanted 'auto', 'elbo' or one of average_precision, roc_auc, got 'f1'"),
        ({"metric": "roc_auc"}, r"metric 'roc_auc' needs labels y"),
        ({"metric": "elbo", "y": Y}, r"metric 'elbo' takes no labels y"),
        ({"y": (Y < 0).astype(int)}, r"y: wanted \+1 \(normal\) or -1 \(anomalous\) for each of 120 rows"),
        ({"y": Y, "held_out": np.arange(120) == 5}, r"held_out: the rows held out need both labels"),
        ({"held_out": np.zeros(120, dtype=bool)}, r"held_out: wanted a share of the rows, 'auto', or a mask"),
        ({"detector": make_pipeline(StandardScaler(), Detector())}, r"Pipeline has no elbo; give the detec"),
    ],
)
def test_what_cannot_be_compared_is_refused(given, words):
    """Before any fit."""
    with pytest.raises(InputError, match=words):
        tune(**{"detector": Detector(), "X": X, "parameters": {"latent_dim": [1]}} | given)


def test_a_parameter_that_does_not_exist_is_an_error():
    """Not a failure of all candidates."""
    with pytest.raises(ValueError, match="Invalid parameter 'latents'"):
        tune(Detector(), X, parameters={"latents": [1]})


def test_without_ray_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[ray\]'"):
        tune(Detector(), X, parameters=PARAMETERS, backend="ray")

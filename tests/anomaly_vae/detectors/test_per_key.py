"""One model per key: which keys have one, its file, and its guarantee."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from anomaly_vae import PerKey, SchemaError, TabularVAEDetector, load, load_scorer, save
from anomaly_vae.persistence import save_threshold
from tests.anomaly_vae.keyed.hosts import HOSTS, fitted, fresh, hosts, untrained

QUICK = TabularVAEDetector(max_steps=1, hidden_sizes=(4,), validation_fraction=0.25, random_state=0)

CHECKS = [
    pytest.param(estimator, check, id=f"{check.func.__name__}-{number}")
    for number, (estimator, check) in enumerate(estimator_checks_generator(PerKey(QUICK)))
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator: PerKey, check: Callable[[Any], None]) -> None:
    """Each check that scikit-learn has for an outlier detector passes."""
    check(estimator)


def test_keys_with_enough_rows_have_a_model() -> None:
    """A rare one has none, nor has a missing one."""
    assert fitted().keys_.tolist() == list(HOSTS)
    counts = hosts(450, 0)["host"].value_counts()
    own = fitted().model_.runtime.state.n_rows  # type: ignore[union-attr]
    np.testing.assert_array_equal(own + fitted().n_calibration_, counts[list(HOSTS)])


def test_without_any_such_key_all_rows_are_of_the_shared_model() -> None:
    """And its scores are those of a detector without the column."""
    table = hosts(100, 0)
    model = untrained(validation_fraction=0.25).set_params(min_rows=1000).fit(table)
    alone = clone(model.estimator).fit(table.drop(columns="host"))
    assert len(model.keys_) == len(model.offsets_) == len(model.n_calibration_) == 0
    features = fresh().drop(columns="host")
    np.testing.assert_array_equal(model.score_samples(fresh()), alone.score_samples(features))
    np.testing.assert_array_equal(model.predict(fresh()), alone.predict(features))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(fresh()), model.score_samples(fresh()))


def test_pickles_have_the_same_scores() -> None:
    """And an unfitted one the same parameters."""
    again = pickle.loads(pickle.dumps(fitted()))
    np.testing.assert_array_equal(again.score_samples(fresh()), fitted().score_samples(fresh()))
    assert repr(pickle.loads(pickle.dumps(untrained()))) == repr(untrained())


def test_the_same_seed_gives_the_same_model() -> None:
    """Whatever was fitted between."""
    again = clone(fitted()).fit(hosts(450, 0))
    np.testing.assert_array_equal(again.score_samples(fresh()), fitted().score_samples(fresh()))


def test_sampled_rows_are_of_their_keys() -> None:
    """Every other one is of the shared model; the load of the others is that of their host."""
    rows = fitted().sample(200, random_state=0)
    assert rows["host"].isna().tolist() == 100 * [False, True]
    assert list(rows) == list(fresh())
    assert abs(rows.loc[rows["host"] == "a", "load"].astype(float).median()) < 3.0
    assert abs(rows.loc[rows["host"] == "b", "load"].astype(float).median() - 20.0) < 3.0


def test_a_column_that_is_missing_is_named() -> None:
    """With those that there are."""
    with pytest.raises(
        SchemaError, match="there is no column 'server' for the key; the columns are load, host"
    ):
        untrained().set_params(key="server").fit(hosts(60, 0))


@pytest.mark.parametrize(
    ("novelty", "contamination", "share"), [(False, 0.2, 0.2), (True, "auto", 0.05), (False, "auto", None)]
)
def test_thresholds_follow_the_rule_of_the_estimator(
    novelty: bool, contamination: Any, share: float | None
) -> None:
    """A share of the calibration rows of each key, a guaranteed rate, or a fence."""
    table = hosts(240, 0)
    model = untrained(novelty=novelty, contamination=contamination, max_steps=3).fit(table)
    for key in HOSTS:
        own = model.model_of(key)
        below = np.mean(own.calibration_scores_ < own.offset_)
        if share is None:
            assert own.false_alarm_rate_ is None
        else:
            assert below == pytest.approx(share, abs=0.05)


@pytest.mark.slow
def test_the_false_alarm_rate_of_each_key_is_kept() -> None:
    """Over many fits, for a key of 40 rows beside a large one: its calibration rows are seen by no model.

    The share of new rows below the lowest of 20 calibration scores is 1 / 21 in the mean.
    """
    random, alarms = np.random.default_rng(0), []
    for seed in range(12):
        keys = np.repeat(["small", "large"], [40, 200])
        X = pd.DataFrame(random.standard_t(4, size=(240, 3)), columns=["x", "y", "z"]).assign(key=keys)
        new = pd.DataFrame(random.standard_t(4, size=(400, 3)), columns=["x", "y", "z"]).assign(key="small")
        model = PerKey(
            TabularVAEDetector(novelty=True, max_steps=5, hidden_sizes=(4,), random_state=seed), key="key"
        ).fit(X)
        alarms.append(np.mean(model.p_values(new) <= 1 / 21))
    assert 0.02 < np.mean(alarms) < 1 / 21 + 3 * np.std(alarms) / len(alarms) ** 0.5


def test_a_pipeline_may_end_in_one(path: Path) -> None:
    """Its file comes back."""
    X = np.column_stack([np.repeat([0.0, 1.0], 60), np.random.default_rng(0).normal(size=120)])
    pipeline = make_pipeline("passthrough", PerKey(QUICK)).fit(X)
    save(pipeline, path)
    assert list(pipeline[-1].keys_) == ["0", "1"]
    np.testing.assert_array_equal(load(path).score_samples(X), pipeline.score_samples(X))


def test_a_file_gets_another_threshold(path: Path) -> None:
    """For each key, as in memory."""
    save(fitted(), path)
    save_threshold(path, path, lambda model: model.set_threshold(contamination=0.3))
    wanted = copy.deepcopy(fitted()).set_threshold(contamination=0.3)
    again = load_scorer(path)
    np.testing.assert_array_equal(again.offsets_, wanted.offsets_)  # type: ignore[union-attr]
    np.testing.assert_array_equal(again.predict(fresh()), wanted.predict(fresh()))

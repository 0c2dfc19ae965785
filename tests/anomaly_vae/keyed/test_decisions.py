"""Decisions by key: which model scores a row, and with which threshold."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import InputError
from anomaly_vae.keyed.models import KeyModel
from anomaly_vae.thresholds import conformal_p_values
from tests.anomaly_vae.keyed.hosts import HOSTS, RARE, fitted, fresh, scorer

DETECTORS = pytest.mark.parametrize("detector", [fitted, scorer], ids=["estimator", "scorer"])


def features(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns="host")


@DETECTORS
def test_rows_of_a_key_are_scored_by_its_own_model(detector: object) -> None:
    """Scores, decisions and p-values are those of the model of the key, to the last bit."""
    model, rows = detector(), fresh()  # type: ignore[operator]
    for key in HOSTS:
        some, own = rows[rows["host"] == key], model.model_of(key)
        assert isinstance(own, KeyModel)
        for method in ("score_samples", "decision_function", "predict", "p_values", "severity"):
            wanted = getattr(own, method)(features(some))
            np.testing.assert_array_equal(getattr(model, method)(some), wanted, err_msg=method)


@DETECTORS
@pytest.mark.parametrize("key", ["new", RARE, None])
def test_rows_without_a_model_of_their_own_are_scored_by_the_shared_one(
    detector: object, key: object
) -> None:
    """The key is new, had too few training rows, or is missing."""
    model, rows = detector(), fresh().assign(host=key)  # type: ignore[operator]
    shared = model.shared_
    assert model.model_of(key) is shared
    assert not model.has_own_model(rows).any()
    for method in ("score_samples", "decision_function", "predict", "p_values", "severity"):
        np.testing.assert_array_equal(getattr(model, method)(rows), getattr(shared, method)(features(rows)))


def test_the_order_of_rows_does_not_matter() -> None:
    """A row has the same score and p-value alone and among others, in any order."""
    model, rows = fitted(), fresh()
    order = np.random.default_rng(0).permutation(len(rows))
    for method in ("score_samples", "p_values", "severity"):
        whole = getattr(model, method)(rows)
        np.testing.assert_array_equal(getattr(model, method)(rows.iloc[order]), whole[order])
        np.testing.assert_array_equal(getattr(model, method)(rows.iloc[[7]]), whole[[7]])


def test_a_row_that_is_usual_for_another_key_is_anomalous() -> None:
    """Rows of host a under the name of b, and the reverse, which a model without keys finds normal."""
    model, rows = fitted(), fresh()
    swapped = rows[rows["host"].isin(["a", "b"])]
    moved = swapped.assign(host=swapped["host"].map({"a": "b", "b": "a"}))
    assert (model.predict(moved) == -1).all()
    assert (model.predict(swapped) == -1).mean() < 0.2
    assert (model.shared_.predict(features(moved)) == -1).mean() < 0.2


def test_p_values_are_those_among_the_calibration_rows_of_the_key() -> None:
    """Each key has its own, so that the least p-value is 1 / (its number + 1)."""
    model, rows = fitted(), fresh()
    far = rows[rows["host"] == "a"].assign(load=1e6)
    position = model.keys_.tolist().index("a")
    assert model.p_values(far)[0] == 1.0 / (model.n_calibration_[position] + 1.0)
    own = model.model_of("a")
    np.testing.assert_array_equal(
        own.p_values(features(far)),
        conformal_p_values(own.score_samples(features(far)), own.calibration_scores_),
    )


def test_contributions_sum_to_scores_and_the_key_has_none() -> None:
    """Of rows with a model of their own and of others."""
    model, rows = fitted(), fresh()
    contributions = model.score_contributions(rows)
    np.testing.assert_allclose(contributions.sum(axis=1), model.score_samples(rows), atol=1e-3)
    assert (contributions["host"] == 0.0).all()
    assert list(contributions) == ["load", "host", "heat", "disk", "note", "latent"]


def test_the_worst_column_is_named_first() -> None:
    """The normal row of another host, except for one column."""
    model, rows = fitted(), fresh()
    some = rows[rows["host"] == "c"].assign(disk="slow", note=0.0).head(10)
    assert {reasons[0][0] for reasons in model.explain(some.assign(note=40.0))} == {"note"}


def test_expected_rows_are_those_of_the_key() -> None:
    """The expected load of each host is near its own, and the key stays as it was given."""
    model, rows = fitted(), fresh()
    expected = model.reconstruct(rows)
    np.testing.assert_array_equal(expected["host"].fillna(""), rows["host"].fillna(""))
    for key, level in (("a", 0.0), ("b", 20.0)):
        assert expected.loc[rows["host"] == key, "load"].median() == pytest.approx(level, abs=1.5)


def test_values_that_no_key_had_are_unseen() -> None:
    """One that another key had is not."""
    rows = fresh().assign(disk="slow")
    assert fitted().unseen(rows) == {}
    rows.loc[3, "disk"] = "tape"
    found = fitted().unseen(rows)
    assert (list(found), np.flatnonzero(found["disk"]).tolist()) == (["disk"], [3])


def test_the_density_in_the_units_of_the_table_differs_by_a_constant() -> None:
    """All columns are linear, so that the change of variables of complete rows is the same for all keys."""
    model, rows = fitted(), fresh()
    shift = model.elbo(rows) - model.score_samples(rows)
    assert np.ptp(shift[model.has_own_model(rows) & rows["note"].notna().to_numpy()]) < 1e-6


def test_a_threshold_is_set_for_each_key() -> None:
    """A rate for all keys is guaranteed for each of them by its own calibration rows."""
    model = copy.deepcopy(fitted()).set_threshold(false_alarm_rate=0.2)
    for position, key in enumerate(model.keys_):
        own = model.model_of(key)
        assert own.offset_ == model.offsets_[position]
        assert (own.false_alarm_rate_, own.tail_) == (0.2, "empirical")
        assert np.mean(own.calibration_scores_ < own.offset_) <= 0.2
    assert model.false_alarm_rate_ == 0.2


def test_a_rate_that_a_key_cannot_guarantee_changes_nothing() -> None:
    """The message names the key."""
    model = copy.deepcopy(fitted())
    before = model.offsets_.copy()
    with pytest.raises(InputError, match="key 'a': a false-alarm rate of 0.0001 cannot be guaranteed"):
        model.set_threshold(false_alarm_rate=1e-4)
    np.testing.assert_array_equal(model.offsets_, before)
    model.set_threshold(false_alarm_rate=1e-4, tail="gpd")
    assert model.model_of("a").tail_ == "gpd"
    assert (model.offsets_ < before).all()


@DETECTORS
def test_other_columns_are_an_error(detector: object) -> None:
    """The key is a column like any other."""
    with pytest.raises(ValueError, match="host"):
        detector().score_samples(features(fresh()))  # type: ignore[operator]


def test_the_schema_has_the_key_where_it_was() -> None:
    """So that columns are found by position."""
    schema = fitted().schema_
    assert schema.names == ("load", "host", "heat", "disk", "note")
    assert schema.columns[1].detail == "the key"
    assert {schema.names[feature.owner] for feature in schema.features} == {"load", "heat", "disk", "note"}


@DETECTORS
def test_a_decider_gives_what_the_methods_give(detector: object) -> None:
    model, rows = detector(), fresh()  # type: ignore[operator]
    found = model.decider()(rows)
    np.testing.assert_array_equal(found.scores, model.score_samples(rows))
    np.testing.assert_array_equal(found.is_anomaly, model.predict(rows) == -1)
    np.testing.assert_array_equal(found.p_values, model.p_values(rows))
    np.testing.assert_array_equal(found.severities, model.severity(rows))
    np.testing.assert_array_equal(found.scores - found.offsets, model.decision_function(rows))


def test_a_decider_has_no_threshold_for_all_keys() -> None:
    with pytest.raises(InputError, match="each key has a threshold of its own"):
        fitted().decider(-1.0)


def test_all_calibration_scores_are_those_of_every_key() -> None:
    own = [fitted().model_of(key).calibration_scores_ for key in HOSTS]
    np.testing.assert_array_equal(fitted().all_calibration_scores(), np.sort(np.concatenate(own)))


def test_expected_rows_have_the_keys_in_turn() -> None:
    rows = scorer().expected_rows(4)
    assert rows["host"].tolist() == ["a", "b", "c", "a"]
    assert list(rows) == list(fresh())
    assert np.isfinite(scorer().score_samples(rows)).all()

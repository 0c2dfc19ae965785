"""Learning from verdicts: laws of learn, forget and query, for the estimator and for its scorer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomaly_vae import (
    InputError,
    ModelFileError,
    TableScorer,
    TabularVAEDetector,
    load,
    load_scorer,
    read_metadata,
    save,
)
from anomaly_vae.persistence import save_threshold
from anomaly_vae.states.verdicts import MAX_VERDICTS
from anomaly_vae.thresholds import fence_offset
from tests.anomaly_vae.conftest import mixed_table
from tests.anomaly_vae.verdicts.judged import detector, numbers

X = numbers()
JUDGED, VERDICTS = X[-18:], np.r_[np.ones(6, dtype=int), -np.ones(6, dtype=int), np.ones(6, dtype=int)]
"""Normal rows, rows that are too high in one column, and rows that are too low in another one, but normal."""


@pytest.fixture(scope="module")
def learned() -> TabularVAEDetector:
    return detector().learn(JUDGED, VERDICTS)


def same(first: Any, second: Any) -> None:
    """Scores, threshold and calibration are equal to the bit."""
    np.testing.assert_array_equal(first.score_samples(X), second.score_samples(X))
    np.testing.assert_array_equal(first.calibration_scores_, second.calibration_scores_)
    names = ("offset_", "false_alarm_rate_", "tail_")
    assert [getattr(first, name) for name in names] == [getattr(second, name) for name in names]


def test_the_detector_itself_stays_as_it_was(learned: TabularVAEDetector) -> None:
    """What learned is a new detector of the same model."""
    assert learned.model_ is detector().model_
    assert len(learned.verdicts_) == 18
    assert len(detector().verdicts_) == 0
    np.testing.assert_array_equal(detector().score_samples(X), detector().model_.totals(X))


def test_scores_follow_the_verdicts(learned: TabularVAEDetector) -> None:
    """Rows judged anomalous get lower scores, and the kind that was judged normal gets higher ones."""
    before, after = detector().score_samples(X), learned.score_samples(X)
    assert (after < before)[-12:-6].all()
    assert (after > before)[-6:].all()
    assert (learned.predict(X[-12:-6]) == -1).all()
    assert (learned.predict(X[-6:]) == 1).all()


def test_one_call_gives_the_same_as_several(learned: TabularVAEDetector) -> None:
    """To the bit."""
    same(detector().learn(JUDGED[:5], VERDICTS[:5]).learn(JUDGED[5:], VERDICTS[5:]), learned)


def test_forgetting_undoes(learned: TabularVAEDetector) -> None:
    """To the bit: the last ones, those at given positions, and all."""
    same(learned.forget(last=18), detector())
    same(learned.forget(last=13), detector().learn(JUDGED[:5], VERDICTS[:5]))
    same(learned.forget([0, 1, 2]), detector().learn(JUDGED[3:], VERDICTS[3:]))


def test_weights_of_one_are_the_default(learned: TabularVAEDetector) -> None:
    """Larger ones move scores further."""
    same(detector().learn(JUDGED, VERDICTS, np.ones(18)), learned)
    heavy = detector().learn(JUDGED[6:7], [-1], [50]).score_samples(JUDGED[6:7])
    assert heavy < detector().learn(JUDGED[6:7], [-1]).score_samples(JUDGED[6:7])


def test_contributions_sum_to_the_score(learned: TabularVAEDetector) -> None:
    """One more than before, for rows like those that were judged."""
    contributions = learned.score_contributions(X)
    assert list(contributions.columns) == ["x0", "x1", "x2", "latent", "verdicts"]
    sums = learned.score_contributions(X).sum(axis=1) - detector().score_contributions(X).sum(axis=1)
    changes = learned.score_samples(X) - detector().score_samples(X)
    np.testing.assert_allclose(sums, changes, rtol=1e-9, atol=1e-9)


def test_explanations_name_the_verdicts(learned: TabularVAEDetector) -> None:
    """A row like those judged anomalous is one for this reason too; the column's weight rises."""
    named = {name for reasons in learned.explain(X[-12:-6], n_columns=5) for name, _ in reasons}
    assert "verdicts" in named
    assert learned.column_weights_.shape == (4,)
    assert (learned.column_weights_ >= 0).all()
    np.testing.assert_array_equal(detector().column_weights_, 1.0)


def test_the_bound_on_the_density_is_not_learned(learned: TabularVAEDetector) -> None:
    """Verdicts do not change what the model says about the data."""
    np.testing.assert_array_equal(learned.elbo(X), detector().elbo(X))


def test_a_score_depends_on_its_row_alone(learned: TabularVAEDetector) -> None:
    """To the bit."""
    alone = np.concatenate([learned.score_samples(row[None]) for row in X[:20]])
    np.testing.assert_array_equal(alone, learned.score_samples(X)[:20])


def test_a_model_file_keeps_verdicts(learned: TabularVAEDetector, path: Path) -> None:
    """Scores of the detector and of the scorer are equal to the bit, and both learn and forget further."""
    save(learned, path)
    for again in (load(path), load_scorer(path)):
        assert isinstance(again, TabularVAEDetector | TableScorer)
        same(again, learned)
        assert again.explain_shares(X) == learned.explain_shares(X)
        same(again.forget(last=18), detector())
        same(again.learn(X[:3], [1, -1, 1]), learned.learn(X[:3], [1, -1, 1]))
        np.testing.assert_array_equal(again.query(X, 5), learned.query(X, 5))
    save(load_scorer(path).forget(last=1).detector(), path)
    same(load_scorer(path), learned.forget(last=1))
    assert read_metadata(path)["verdicts"] == {"normal": 11, "anomalous": 6}


def test_verdicts_may_be_about_any_kind_of_column(path: Path) -> None:
    """Texts, dates and missing cells, and a column with the name of the contribution."""
    table = mixed_table(60, 0).rename(columns={"note": "verdicts"})
    first = TabularVAEDetector(
        max_steps=3, validation_fraction=0.5, hidden_sizes=(4,), latent_dim=2, random_state=0
    ).fit(table)
    learned = first.learn(table[:8], [1, -1] * 4)
    assert list(learned.score_contributions(table).columns)[-1] == "verdicts_"
    save(learned, path)
    np.testing.assert_array_equal(load_scorer(path).score_samples(table), learned.score_samples(table))


# ------------------------------------------------------------------------------------------ thresholds
def test_a_fence_is_computed_again(learned: TabularVAEDetector) -> None:
    """From the learned scores of the rows that were not judged anomalous."""
    assert len(learned.calibration_scores_) == len(X) - 6
    assert learned.offset_ == fence_offset(learned.calibration_scores_)


def test_a_false_alarm_rate_is_kept() -> None:
    """The threshold guarantees it from the calibration rows that are left."""
    of_rate = detector()._copy().set_threshold(false_alarm_rate=0.1)
    learned = of_rate.learn(JUDGED, VERDICTS)
    assert learned.false_alarm_rate_ == 0.1
    assert learned.offset_ == detector().learn(JUDGED, VERDICTS).set_threshold(false_alarm_rate=0.1).offset_
    same(learned.forget(last=18), of_rate)


def test_a_rate_that_cannot_be_guaranteed_any_more_is_raised_with_a_warning() -> None:
    """Judged rows are missing from the calibration rows."""
    of_rate = detector()._copy().set_threshold(false_alarm_rate=1 / 151)
    with pytest.warns(UserWarning, match="from 144 calibration rows; the threshold guarantees 0.0069"):
        learned = of_rate.learn(JUDGED, VERDICTS)
    same(learned.forget(last=18), of_rate)


def test_another_threshold_keeps_its_place_among_the_calibration_scores() -> None:
    """As many calibration rows are below it, and forgetting restores it to the bit."""
    by_hand = detector()._copy().set_threshold(contamination=0.3)
    learned = by_hand.learn(JUDGED[:6], VERDICTS[:6]).learn(JUDGED[12:], VERDICTS[12:])
    below = (learned.calibration_scores_ < learned.offset_).sum()
    assert below == (by_hand.calibration_scores_ < by_hand.offset_).sum()
    same(learned.forget(last=12), by_hand)
    far = detector()._copy().set_threshold(offset=-1e6)
    assert far.learn(JUDGED, VERDICTS).offset_ < -9e5


def test_a_threshold_set_after_learning_is_the_one_that_counts(learned: TabularVAEDetector) -> None:
    """Further verdicts keep its place."""
    moved = learned._copy().set_threshold(contamination=0.3)
    further = moved.learn(X[:1], [1])
    assert (further.calibration_scores_ < further.offset_).mean() == pytest.approx(0.3, abs=0.02)
    assert further.forget(last=19).offset_ != detector().offset_


def test_a_threshold_of_a_model_file_moves_after_learning(learned: TabularVAEDetector, path: Path) -> None:
    """The verdicts stay in the file, and can still be forgotten."""
    save(learned, path)
    save_threshold(path, path, lambda scorer: scorer.set_threshold(offset=-30.0))
    again = load_scorer(path)
    assert isinstance(again, TableScorer)
    assert again.offset_ == -30.0
    np.testing.assert_array_equal(again.score_samples(X), learned.score_samples(X))
    np.testing.assert_array_equal(again.forget(last=18).score_samples(X), detector().score_samples(X))


def test_p_values_stay_valid_for_rows_that_were_not_judged() -> None:
    """The learned score is a fixed function of the verdicts, and calibration rows are like new rows."""
    random = np.random.default_rng(1)
    mixing = random.normal(size=(3, 3))
    train, new, judged = (random.normal(size=(n, 3)) @ mixing for n in (900, 2000, 40))
    fitted = TabularVAEDetector(
        novelty=True, max_steps=3, hidden_sizes=(4,), latent_dim=2, validation_fraction=0.5, random_state=0
    ).fit(train)
    worst = judged[np.argsort(fitted.score_samples(judged))[:10]]
    p_values = fitted.learn(worst, [1, -1] * 5).p_values(new)
    for rate in (0.05, 0.2):
        deviation = np.sqrt(rate * (1 - rate) * (1 / 450 + 1 / 2000))
        assert abs((p_values <= rate).mean() - rate) < 3 * deviation


# ----------------------------------------------------------------------------------------- wrong inputs
def test_wrong_inputs_are_named(learned: TabularVAEDetector) -> None:
    """Verdicts, positions of verdicts to forget, and numbers of rows to ask about."""
    with pytest.raises(InputError, match="from 0 to 17"):
        learned.forget([18])
    with pytest.raises(InputError, match="one per row, got"):
        learned.learn(X[:3], [1, 1])
    for n in (0, True, 2.5):
        with pytest.raises(InputError, match="n must be a whole number"):
            learned.query(X, n)
    assert len(learned.query(X[:4], 10)) == 4


def test_the_oldest_verdicts_are_forgotten_with_a_warning() -> None:
    """A detector remembers a bounded number."""
    rows = np.random.default_rng(0).normal(size=(MAX_VERDICTS - 1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anomaly_vae.learning.MAX_VERDICTS", 20)
        with pytest.warns(UserWarning, match="remembers 20 verdicts; the 5 oldest"):
            learned = detector().learn(rows[:25], [1, -1, 1, -1, 1] * 5)
        same(learned, detector().learn(rows[5:25], [1, -1, 1, -1, 1] * 4))


def test_a_model_of_an_earlier_release_cannot_learn() -> None:
    """It scores as before; the message says to fit it again."""
    state = detector().__getstate__()
    del state["learning_"]
    old = TabularVAEDetector.__new__(TabularVAEDetector)
    old.__setstate__(state)
    np.testing.assert_array_equal(old.score_samples(X), detector().score_samples(X))
    for call in (lambda: old.learn(X, np.ones(len(X))), lambda: old.query(X), lambda: old.verdicts_):
        with pytest.raises(InputError, match="fit it again"):
            call()


def test_a_new_fit_forgets(learned: TabularVAEDetector) -> None:
    """The verdicts were about another model."""
    again = learned._copy()
    again.fit(X)
    assert len(again.verdicts_) == 0
    same(again, detector())


def test_a_state_that_contradicts_its_verdicts_is_rejected(learned: TabularVAEDetector) -> None:
    """Coefficients that do not follow from the verdicts, and other calibration scores."""
    for change in (
        lambda state: state["learning_"]["verdicts"].update(alpha=np.zeros(18)),
        lambda state: state.update(calibration_scores_=np.arange(151.0)),
        lambda state: state["learning_"].update(verdicts=None),
        lambda state: state.update(learning_=3),
    ):
        state = learned.__getstate__()
        change(state)
        with pytest.raises(ModelFileError):
            TabularVAEDetector.__new__(TabularVAEDetector).__setstate__(state)


def test_frames_are_learned_from_as_arrays_are() -> None:
    """With names, and without a warning."""
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = TabularVAEDetector(max_steps=5, hidden_sizes=(4,), latent_dim=2, random_state=0).fit(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = fitted.learn(frame[-18:], VERDICTS)
    np.testing.assert_array_equal(
        named.score_samples(frame), detector().learn(JUDGED, VERDICTS).score_samples(X)
    )


RECENT = np.random.default_rng(3).normal(size=(300, 3)) @ np.random.default_rng(0).normal(size=(3, 3)) + 1.0
"""Rows of a time in which the columns have moved."""


def test_recalibration_makes_p_values_of_other_rows() -> None:
    """Those of the rows themselves are uniform; scores and reasons are those of before."""
    again = detector().recalibrate(RECENT)
    assert again.model_ is detector().model_
    np.testing.assert_array_equal(again.score_samples(X), detector().score_samples(X))
    np.testing.assert_array_equal(again.score_contributions(X), detector().score_contributions(X))
    np.testing.assert_array_equal(again.calibration_scores_, np.sort(detector().score_samples(RECENT)))
    wanted = (np.argsort(np.argsort(again.score_samples(RECENT))) + 2) / 301
    np.testing.assert_allclose(again.p_values(RECENT), wanted)
    assert len(detector().calibration_scores_) == 150


def test_a_threshold_follows_its_rule_after_recalibration() -> None:
    """A rate is that of the recent rows, a fence is computed again, and an offset keeps its place."""
    by_rate = detector().recalibrate(RECENT[:200]).set_threshold(false_alarm_rate=0.05)
    again = by_rate.recalibrate(RECENT)
    assert again.false_alarm_rate_ == 0.05
    assert 0.03 <= (again.predict(RECENT) == -1).mean() <= 0.05
    assert detector().recalibrate(RECENT).offset_ == fence_offset(np.sort(detector().score_samples(RECENT)))
    middle = float(np.median(detector().calibration_scores_))
    placed = detector().recalibrate(X).set_threshold(offset=middle)
    low, high = np.quantile(detector().score_samples(RECENT), [0.3, 0.7])
    assert low < placed.recalibrate(RECENT).offset_ < high


def test_recalibration_and_learning_commute(learned: TabularVAEDetector) -> None:
    """Verdicts are about rows, whichever rows calibrate; they can still be forgotten."""
    first, second = learned.recalibrate(RECENT), detector().recalibrate(RECENT).learn(JUDGED, VERDICTS)
    same(first, second)
    same(first.forget(last=18), detector().recalibrate(RECENT))
    same(first.recalibrate(X), learned.recalibrate(X))


def test_a_recalibrated_detector_is_saved_and_scores_as_its_scorer(
    learned: TabularVAEDetector, path: Path
) -> None:
    """All three give the same."""
    again = learned.recalibrate(RECENT)
    save(again, path)
    same(load(path), again)
    scorer = load_scorer(path)
    assert isinstance(scorer, TableScorer)
    np.testing.assert_array_equal(scorer.calibration_scores_, again.calibration_scores_)
    twice = scorer.recalibrate(X)
    np.testing.assert_allclose(twice.calibration_scores_, again.recalibrate(X).calibration_scores_)


def test_few_rows_guarantee_little() -> None:
    """The rate is raised with a warning; a single row is refused."""
    by_rate = detector().recalibrate(RECENT).set_threshold(false_alarm_rate=0.05)
    with pytest.warns(UserWarning, match=r"0.05 cannot be guaranteed from 9 .* guarantees 0.1"):
        assert by_rate.recalibrate(RECENT[:9]).false_alarm_rate_ == pytest.approx(0.1)
    with pytest.raises(InputError, match="at least 2 rows"):
        detector().recalibrate(RECENT[:1])


def test_a_model_of_an_earlier_release_learns_after_a_recalibration() -> None:
    """It then has calibration rows to learn with."""
    old = detector().recalibrate(RECENT)
    del old.learning_
    with pytest.raises(InputError, match="earlier release"):
        old.learn(JUDGED, VERDICTS)
    same(old.recalibrate(X).learn(JUDGED, VERDICTS), detector().recalibrate(X).learn(JUDGED, VERDICTS))

"""Correction: laws of scores that verdicts change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly_vae import InputError
from anomaly_vae.verdicts.correction import TRUST, Correction
from tests.anomaly_vae.verdicts.judged import (
    N_COLUMNS,
    OWNERS,
    THRESHOLD,
    features,
    log,
    scores,
    taught,
    untaught,
)

NEW = scores(90, 7), features(90, 7)


def test_without_verdicts_scores_stay_to_the_bit() -> None:
    """Nothing is computed."""
    assert untaught().corrected(*NEW) is NEW[0]


def test_changes_sum_to_the_change_of_the_score() -> None:
    """In one term per column, one for the latent term and one for like rows."""
    correction = taught(log(20))
    changes = correction.changes(*NEW)
    assert changes.shape == (90, N_COLUMNS + 2)
    np.testing.assert_array_equal(NEW[0] + changes.sum(axis=1), correction.corrected(*NEW))
    assert np.abs(changes).max() > 1


def test_logits_change_by_what_was_learned() -> None:
    """The corrected score has the strangeness of the former one plus the learned logits over the rate."""
    correction = taught(log(20))
    terms = correction._terms(correction.scale.standardised(NEW[1])).sum(axis=1)
    learned = correction.logits(*NEW) - untaught().logits(*NEW)
    np.testing.assert_allclose(learned, terms, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("verdict", [-1, 1])
def test_a_judged_row_moves_as_it_was_judged(verdict: int) -> None:
    """Up if normal, down if anomalous; a larger weight moves it further."""
    one = replace(log(1), verdicts=np.array([verdict], dtype=np.int8))
    moves = [
        taught(replace(one, weights=np.array([weight]))).corrected(one.scores, one.features) - one.scores
        for weight in (0.5, 1.0, 8.0)
    ]
    assert (np.diff(np.concatenate(moves)) * verdict > 0).all()
    assert moves[0] * verdict > 0


def test_a_verdict_counts_less_than_one_that_is_never_wrong() -> None:
    """Its pull on the logit of its row is bounded by its weight times the trust in it."""
    verdicts = log(30)
    alpha = taught(verdicts).state.alpha
    assert (np.abs(alpha) <= TRUST * verdicts.weights).all()
    assert (np.sign(alpha) == -verdicts.verdicts).all()


def test_contradicting_verdicts_move_a_row_less_than_one() -> None:
    """They say that it may be either."""
    one = replace(log(1), verdicts=np.array([1], dtype=np.int8))
    both = one.followed_by(replace(one, verdicts=np.array([-1], dtype=np.int8)))
    alone, together = (taught(some).corrected(one.scores, one.features) - one.scores for some in (one, both))
    assert np.abs(together) < np.abs(alone)


def test_the_order_of_verdicts_does_not_matter() -> None:
    """Within rounding."""
    verdicts = log(25)
    shuffled = verdicts.take(np.random.default_rng(0).permutation(25))
    np.testing.assert_allclose(taught(shuffled).corrected(*NEW), taught(verdicts).corrected(*NEW), rtol=1e-7)


def test_far_from_all_verdicts_only_the_linear_part_moves_a_row() -> None:
    """The last term is of like rows."""
    verdicts = replace(log(3), features=np.float32(5.0) * np.sign(features(3, 1)))
    opposite = np.float32(-1.0) * verdicts.features
    changes = taught(verdicts).changes(verdicts.scores, opposite)
    near = taught(verdicts).changes(verdicts.scores, verdicts.features)
    assert np.abs(changes[:, -1]).max() < 1e-3 * np.abs(near[:, -1]).max()
    assert np.abs(changes[:, :-1]).max() > 0


def test_extreme_rows_and_weights_give_scores_within_bounds() -> None:
    """They can be saved: the bound of scores in a model file is larger."""
    verdicts = replace(log(8), weights=np.full(8, 1000.0), features=np.float32(100.0) * features(8, 5))
    rows = np.array([-1e15, -1e9, 0.0, 1e9, 1e15]), np.float32(100.0) * features(5, 5)
    corrected = taught(verdicts).corrected(*rows)
    assert np.isfinite(corrected).all()
    assert np.abs(corrected).max() <= 1.001e15


def test_calibration_rows_that_were_judged_anomalous_are_taken_out() -> None:
    """The row itself and its equals, unless it was judged normal with more weight."""
    calibration = untaught().state.calibration
    verdicts = replace(
        log(4),
        features=calibration.features[[3, 8, 8, 9]],
        verdicts=np.array([-1, -1, 1, 1], dtype=np.int8),
        weights=np.array([1.0, 1.0, 2.0, 1.0]),
    )
    before, after = taught(verdicts).calibration_scores()
    np.testing.assert_array_equal(before, np.delete(calibration.scores, 3))
    assert len(after) == len(before)
    assert (np.diff(after) >= 0).all()


def test_without_a_calibration_row_there_is_no_threshold() -> None:
    """The message says why."""
    state = untaught().state
    alike = replace(state.calibration, features=np.repeat(state.calibration.features[:1], 200, axis=0))
    one = replace(log(1), verdicts=np.array([-1], dtype=np.int8), features=alike.features[:1])
    correction = Correction(replace(state, calibration=alike), OWNERS).with_verdicts(one, THRESHOLD)
    with pytest.raises(InputError, match="every calibration row equals"):
        correction.calibration_scores()


def test_a_column_that_was_wrongly_blamed_counts_less() -> None:
    """Rows with a shortfall in one column are normal, those with one in another column are anomalous."""
    judged = np.zeros((6, len(OWNERS)), dtype=np.float32)
    judged[:3, 1] = judged[3:, 2] = 4.0
    kinds = np.array([1, 1, 1, -1, -1, -1], dtype=np.int8)
    verdicts = replace(log(6), verdicts=kinds, features=judged, scores=np.full(6, -50.0), weights=np.ones(6))
    weights = taught(verdicts).column_weights()
    assert 0 <= weights[1] < 0.9 < 1.1 < weights[2]
    np.testing.assert_array_equal(weights[[0, 3]], 1.0)
    np.testing.assert_array_equal(untaught().column_weights(), 1.0)

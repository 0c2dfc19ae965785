"""VerdictLearning: a fitted detector of tables learns from verdicts, forgets them, and asks for more.

The estimator and the scorer of a model file share it, so it imports no torch, no scikit-learn and no SciPy.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae import thresholds
from anomaly_vae.columns.table import Table, take_rows
from anomaly_vae.decisions import Floats, finite
from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.explanations import TableExplanations
from anomaly_vae.sampling.sizes import MAX_CALIBRATION_ROWS
from anomaly_vae.schema import Schema
from anomaly_vae.states.verdicts import (
    MAX_VERDICTS,
    CalibrationRows,
    LearningState,
    Threshold,
    VerdictLog,
    kept_rows,
    no_verdicts,
)
from anomaly_vae.verdicts.correction import Correction
from anomaly_vae.verdicts.features import features_of, n_kept, owners_of
from anomaly_vae.verdicts.inputs import checked_verdicts, checked_weights, forgotten_positions
from anomaly_vae.verdicts.questions import next_questions

if TYPE_CHECKING:
    import pandas as pd

VERDICTS = "verdicts"
"""Name of the contribution for rows like those that were judged; a column of this name has precedence."""


LEARNING = "learning_"
"""Attribute of a fitted detector, and of its state, with what it learned; earlier model files have none."""


class VerdictLearning(TableExplanations):
    """Scores that verdicts correct; without verdicts they are those of the model, to the bit.

    Attributes
    ----------
    learning_ : Correction
        What was learned; a detector that an earlier release fitted has none.
    """

    learning_: Correction

    def learn(
        self, X: ArrayLike | pd.DataFrame, verdicts: ArrayLike, weights: ArrayLike | None = None
    ) -> Self:
        """A new detector that also learned from verdicts about rows; this one stays as it is.

        Verdicts add up over calls: one call with all rows gives the same detector as several calls. The model
        is not fitted again. Rows like those that were judged get other scores, and so do rows that share what
        distinguishes them; the threshold and p-values are calibrated again. The latest 2,000 verdicts count.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
            The rows that were judged.
        verdicts : array of shape (n_rows,)
            +1 for normal and -1 for anomalous rows.
        weights : array of shape (n_rows,), optional
            How much each verdict counts, above 0 and at most 1,000; 1 by default.

        Returns
        -------
        detector
            Of the same class. Its threshold follows the same rule as before: a false-alarm rate is kept, a
            fence is computed again, and any other threshold keeps its place among the calibration scores.

        Raises
        ------
        InputError
            For other verdicts or weights, and for a model that an earlier release fitted. Warns if the
            calibration rows that are left cannot guarantee the false-alarm rate, and guarantees the least
            one that they can.
        """
        correction, table = self._correction(), self._checked(X)
        scores, features = self._seen(table)
        judged = VerdictLog(
            checked_verdicts(verdicts, len(scores)),
            checked_weights(weights, len(scores)),
            np.full(len(scores), int(time.time()), dtype=np.int64),
            scores,
            features,
        )
        log = correction.log.followed_by(judged)
        if len(log) > MAX_VERDICTS:
            n_dropped = len(log) - MAX_VERDICTS
            warnings.warn(
                f"a detector remembers {MAX_VERDICTS:,} verdicts; the {n_dropped:,} oldest are forgotten",
                UserWarning,
                stacklevel=2,
            )
        return self._relearned(log.take(slice(max(len(log) - MAX_VERDICTS, 0), None)))

    def forget(self, positions: ArrayLike | None = None, *, last: int | None = None) -> Self:
        """A new detector without some of the verdicts, as if they had never been given.

        Parameters
        ----------
        positions : array of int, optional
            Positions of the verdicts in ``verdicts_``.
        last : int, optional
            The number of latest verdicts to forget; give this or ``positions``.
        """
        log = self._correction().log
        kept = np.ones(len(log), dtype=bool)
        kept[forgotten_positions(positions, last, len(log))] = False
        return self._relearned(log.take(kept))

    def recalibrate(self, X: ArrayLike | pd.DataFrame) -> Self:
        """A new detector with thresholds and p-values from other rows; the networks stay as they are.

        For rows that are newer than those of the fit, if what is normal has moved a little. Scores without
        verdicts and reasons stay the same, verdicts are learned again.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_features_in_)
            Rows that are as normal as the training rows were said to be, and that were not trained on. Of
            more than 100,000 a random choice is used.

        Returns
        -------
        detector
            Of the same class. Its threshold follows the same rule as before: a false-alarm rate is kept, a
            fence is computed again, and any other threshold keeps its place among the calibration scores.

        Raises
        ------
        InputError
            For fewer than two rows. Warns if the rows cannot guarantee the false-alarm rate, and guarantees
            the least one that they can.
        """
        self._check_is_fitted()
        table = _at_most(self._checked(X), MAX_CALIBRATION_ROWS)
        scores = finite(self.model_.totals(table))
        if len(scores) < 2:
            raise InputError("recalibrate needs at least 2 rows, got 1; give as many recent rows as you have")
        log = self.learning_.log if hasattr(self, LEARNING) else None
        before = self.learning_.state.calibration.scores if log else self.calibration_scores_
        threshold = self._threshold_without_verdicts() if log else self._threshold()
        fresh = self._copy()
        fresh.learning_, fresh.calibration_scores_ = self._learning_of(table, scores), np.sort(scores)
        fresh._follow_rule(threshold, before, before)
        fresh._warn_of_rate(threshold)
        return fresh._relearned(log) if log else fresh

    def _learning_of(self, X: Table, scores: Floats) -> Correction:
        """What is needed to learn with these calibration rows, without verdicts."""
        schema, order = self.model_.encoder.schema, np.argsort(scores, kind="stable")
        kept = take_rows(X, order[kept_rows(len(order), n_kept(len(order), schema))])
        features = self._features(kept, self.model_.contributions(kept))
        rows = CalibrationRows(scores[order], features)
        return Correction(LearningState(rows, no_verdicts(features.shape[1])), owners_of(schema))

    def query(self, X: ArrayLike | pd.DataFrame, n: int = 10) -> NDArray[np.int64]:
        """Positions of the n rows whose verdicts would help most, the most useful first.

        The worst rows first, then those near the threshold; of several like rows one, and rows like those
        that were judged last. With fewer than n rows all of them are returned.
        """
        correction = self._correction()
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"n must be a whole number of rows, at least 1, got {n!r}")
        scores, features = self._seen(self._checked(X))
        return next_questions(correction, scores, features, min(int(n), len(scores)))

    @property
    def verdicts_(self) -> VerdictLog:
        """The verdicts that were learned from, in the order in which they were given."""
        return self._correction().log

    @property
    def column_weights_(self) -> Floats:
        """How much of its former shortfall each column counts after the verdicts, the latent term last.

        Shape (n_features_in_ + 1,), over the judged rows, on the scale of logits; at least 0. 1 without
        verdicts, and for a column without a shortfall in the judged rows.
        """
        return self._correction().column_weights()

    @property
    def _has_learned(self) -> bool:
        return hasattr(self, "learning_") and len(self.learning_.log) > 0

    def _correction(self) -> Correction:
        """What was learned; raises InputError for a model that has nothing to learn with."""
        self._check_is_fitted()
        if not hasattr(self, "learning_"):
            raise InputError(
                "the model was fitted by an earlier release, which kept no calibration rows to learn with; "
                "fit it again"
            )
        return self.learning_

    def _score_samples(self, X: Table) -> Floats:
        if not self._has_learned:
            return super()._score_samples(X)
        return self.learning_.corrected(*self._seen(X))

    def _contributions(self, X: Table) -> Floats:
        contributions = super()._contributions(X)
        if not self._has_learned:
            return contributions
        changes = self.learning_.changes(self.model_.totals(X), self._features(X, contributions))
        changes[:, :-1] += contributions
        return changes

    def _contribution_names(self) -> list[str]:
        names = super()._contribution_names()
        return [*names, _free(VERDICTS, names)] if self._has_learned else names

    def _typical_contributions(self) -> Floats:
        """Nothing is typical of rows like those that were judged."""
        typical = super()._typical_contributions()
        return np.append(typical, 0.0) if self._has_learned else typical

    def _input_metadata(self) -> dict[str, Any]:
        inputs = super()._input_metadata()
        if not self._has_learned:
            return inputs
        verdicts = self.learning_.log.verdicts
        counts = {"normal": int((verdicts > 0).sum()), "anomalous": int((verdicts < 0).sum())}
        return {**inputs, "verdicts": counts}

    def _seen(self, X: Table) -> tuple[Floats, NDArray[np.float32]]:
        """Scores before any verdict, and features, of a checked table."""
        return finite(self.model_.totals(X)), self._features(X, self.model_.contributions(X))

    def _features(self, X: Table, contributions: Floats) -> NDArray[np.float32]:
        cells = self.model_.encoder.transform(X)
        return features_of(finite(contributions), self.typical_contributions_, cells)

    def _relearned(self, log: VerdictLog) -> Self:
        """A detector that learned from these verdicts only."""
        threshold = self._threshold_without_verdicts()
        learned = self._copy()
        learned.learning_ = self.learning_.with_verdicts(log, threshold)
        before, learned.calibration_scores_ = learned.learning_.calibration_scores()
        learned._calibrate_threshold(threshold, before)
        learned._warn_of_rate(threshold)
        return learned

    def _warn_of_rate(self, threshold: Threshold) -> None:
        """Warn if the calibration rows do not guarantee the rate of a threshold."""
        if self.false_alarm_rate_ != threshold.false_alarm_rate:
            warnings.warn(
                f"a false-alarm rate of {threshold.false_alarm_rate:g} cannot be guaranteed from "
                f"{len(self.calibration_scores_):,} calibration rows; the threshold guarantees "
                f"{self.false_alarm_rate_:.3g}",
                UserWarning,
                stacklevel=4,
            )

    def _threshold_without_verdicts(self) -> Threshold:
        """The threshold that this detector would have without verdicts."""
        current, stored = self._threshold(), self.learning_.state.threshold
        if stored is None:
            return current
        before, after = self.learning_.calibration_scores()[0], self.calibration_scores_
        again = self._copy()
        again._calibrate_threshold(stored, before)
        if again._threshold() == current:
            return stored
        if current.false_alarm_rate is not None:
            return current
        return Threshold(_moved(current.offset, after, before), None, None)

    def _calibrate_threshold(self, threshold: Threshold, before: Floats) -> None:
        """Set the threshold by the rule of one of the scores ``before`` the verdicts, ascending."""
        if not self._has_learned:
            self.offset_, self.false_alarm_rate_, self.tail_ = threshold  # type: ignore[assignment]
        else:
            self._follow_rule(threshold, before, self.learning_.state.calibration.scores)

    def _follow_rule(self, threshold: Threshold, before: Floats, fenced: Floats) -> None:
        """Set the threshold by the rule of one of the scores ``before``, which a fence has of ``fenced``."""
        offset, rate, tail = threshold
        if rate is not None and tail is not None:
            n_rows = len(self.calibration_scores_)
            least = thresholds.least_false_alarm_rate(n_rows) if tail == "empirical" else 0.0
            self._set_rate(max(rate, least), tail)  # type: ignore[arg-type]
        elif np.isclose(offset, thresholds.fence_offset(fenced), 1e-9, 0.0):
            self._set_offset(thresholds.fence_offset(self.calibration_scores_))
        else:
            self._set_offset(_moved(offset, before, self.calibration_scores_))

    def _copy(self) -> Self:
        """A detector with the same attributes, of which none is copied: nothing changes them after a fit."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        return other

    def _threshold(self) -> Threshold:
        return Threshold(self.offset_, self.false_alarm_rate_, self.tail_)


def stored_learning(detector: VerdictLearning) -> dict[str, Any]:
    """The part of a detector's state with what it learned, if it has one."""
    return {LEARNING: detector.learning_.get_state()} if hasattr(detector, LEARNING) else {}


def loaded_learning(state: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """What a state holds of it; raises ModelFileError if it contradicts the rest of a checked state."""
    if LEARNING not in state:
        return {}
    correction = Correction.from_state(state[LEARNING], schema)
    scores, calibration = state["calibration_scores_"], correction.state.calibration
    has_learned = len(correction.log) > 0
    if has_learned and len(scores) > len(calibration.features):
        raise ModelFileError("'calibration_scores_' has rows that 'learning_' lacks; fit the model again")
    if not has_learned and not np.array_equal(scores, calibration.scores):
        raise ModelFileError("'calibration_scores_' contradicts 'learning_'; fit and save the model again")
    return {LEARNING: correction}


def _at_most(X: Table, n_rows: int) -> Table:
    """The rows of a table, or a random choice of this many, which depends on their number only."""
    if len(X) <= n_rows:
        return X
    return take_rows(X, np.sort(np.random.RandomState(0).permutation(len(X))[:n_rows]))


def _moved(offset: float, before: Floats, after: Floats) -> float:
    """The score with the place among ``after`` that ``offset`` has among ``before``, both ascending."""
    if offset <= before[0]:
        return float(offset + (after[0] - before[0]))
    if offset >= before[-1]:
        return float(offset + (after[-1] - before[-1]))
    if len(after) != len(before):
        after = np.quantile(after, np.linspace(0.0, 1.0, len(before)))
    return float(np.interp(offset, before, after))


def _free(name: str, taken: list[str]) -> str:
    """The name, or one that is not taken."""
    while name in taken:
        name += "_"
    return name

"""RollingFit: a detector of tables that is fitted again as a stream of rows goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils import check_random_state

from anomaly_vae.columns.frames import converted
from anomaly_vae.columns.table import Table, take_rows
from anomaly_vae.detectors._memory import RowMemory
from anomaly_vae.errors import InputError
from anomaly_vae.learning import VerdictLearning
from anomaly_vae.verdicts.features import features_of
from anomaly_vae.verdicts.inputs import forgotten_positions

MEMORY = "memory_"
"""Attribute with the rows of a stream, which model files do not have."""

_LEAST_MEMORY = 20


class RollingFit(VerdictLearning):
    """A detector that ``partial_fit`` keeps up to date.

    Attributes
    ----------
    memory_ : RowMemory
        Rows of the stream, from the first call of ``partial_fit`` on.
    """

    memory_: RowMemory
    random_state: Any
    training_: dict[str, Any]

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike | pd.DataFrame,
        y: None = None,
        *,
        memory_rows: int = 10_000,
        refit_every: int = 2_000,
    ) -> Self:
        """Take the next rows of a stream into a sample of recent rows, and fit again on it from time to time.

        The first call fits on its rows. Then the detector is fitted again after every ``refit_every`` rows,
        on a sample of at most ``memory_rows``; until then its scores stay the same. A row that enters the
        full sample replaces one at random, so that old rows leave it, and an earlier state of the stream is
        forgotten slowly. Each fit finds kinds, ranges and categories of columns again, and holds out other
        rows, which calibrate thresholds and p-values. How the rows after the first call are divided into
        calls changes nothing.

        The rows are those that ``fit`` would be given: a detector with ``novelty=True`` takes all of them as
        normal. Do not leave out rows because the detector flagged them: it would never learn what has become
        normal. Rows that a person judged anomalous (``learn``) leave the sample, and after each fit
        the detector learns from all verdicts again.

        Parameters
        ----------
        X : array or DataFrame of shape (n_rows, n_columns)
            The next rows, in the columns of the first ones. The first call needs at least 2 rows, and should
            have some hundreds.
        y : None
            Not used.
        memory_rows : int, default=10_000
            Rows in the sample, at least 20: more forget later.
        refit_every : int, default=2_000
            Rows from one fit to the next: the cost per row is that of a fit on ``memory_rows`` rows divided
            by this number.

        Returns
        -------
        self
            Its threshold follows the rule of the detector, or that of ``set_threshold`` if it was called. A
            detector that was fitted by ``fit``, or read from a model file, is fitted again as soon as the
            sample has as many rows as that fit had, or is full.

        Raises
        ------
        ValueError
            For parameters out of range, and other columns than those of the first rows.
        InputError
            As ``fit``, and for a detector that learned from verdicts before the first call of
            ``partial_fit``: it no longer has the rows that were judged.
        """
        _check_sizes(memory_rows, refit_every)
        if not hasattr(self, "model_"):
            return self._start(X, memory_rows)
        memory = getattr(self, MEMORY, None)
        if self._has_learned and memory is None:
            raise InputError(
                f"the detector learned from {len(self.verdicts_)} verdicts before partial_fit, and no longer "
                f"has their rows; call forget(last={len(self.verdicts_)}), partial_fit, and then learn again"
            )
        rows = self._as_given(X)
        self.model_.encoder.transform(rows)  # a cell that cannot be read would make every later fit fail
        if memory is None:
            memory = RowMemory(self._new_seed(), self._threshold())
        memory = memory.followed_by(rows)
        n_blocks = memory.n_waiting // refit_every
        if n_blocks:
            memory = memory.entered(n_blocks, refit_every, memory_rows)
        self.memory_ = memory
        if n_blocks and len(memory) >= min(self.training_["n_rows"], memory_rows):
            self._refit()
        return self

    def learn(
        self, X: ArrayLike | pd.DataFrame, verdicts: ArrayLike, weights: ArrayLike | None = None
    ) -> Self:
        learned = super().learn(X, verdicts, weights)
        if hasattr(self, MEMORY):
            learned.memory_ = self.memory_.with_judged(self._as_given(X), len(learned.verdicts_))
        return learned

    learn.__doc__ = VerdictLearning.learn.__doc__

    def forget(self, positions: ArrayLike | None = None, *, last: int | None = None) -> Self:
        less = super().forget(positions, last=last)
        judged = self.memory_.judged if hasattr(self, MEMORY) else None
        if judged is not None:
            kept = np.ones(len(judged), dtype=bool)
            kept[forgotten_positions(positions, last, len(judged))] = False
            rows = take_rows(judged, np.flatnonzero(kept)) if kept.any() else None
            less.memory_ = replace(self.memory_, judged=rows)
        return less

    forget.__doc__ = VerdictLearning.forget.__doc__

    def without_memory(self) -> Self:
        """The detector without the rows of the stream, as it is saved."""
        if not hasattr(self, MEMORY):
            return self
        bare = self._copy()
        del bare.memory_
        return bare

    def _start(self, X: Any, memory_rows: int) -> Self:
        """Fit on the first rows, and begin the sample with them."""
        detector: Any = self
        detector._check_parameters()
        rows = detector._checked(X, reset=True)
        detector._fit(rows)
        memory = RowMemory(self._new_seed(), self._threshold()).followed_by(self._as_given(X))
        self.memory_ = memory.entered(1, len(rows), memory_rows)
        return self

    def _refit(self) -> None:
        """Fit on the sample; if that fails, the detector stays as it is."""
        log, memory = self.verdicts_ if self._has_learned else None, self.memory_
        threshold, before = self._threshold(), self.calibration_scores_
        if log is not None:
            threshold, before = self._threshold_without_verdicts(), self.learning_.state.calibration.scores
            memory = memory.without(self._judged_anomalous(memory.sample))
        fresh: Any = self._copy()
        fresh._fit(memory.sample)
        fresh.memory_ = replace(memory, threshold=fresh._threshold())
        if threshold != memory.threshold:  # a user set it
            fresh._follow_rule(threshold, before, before)
            fresh._warn_of_rate(threshold)
        if log is not None:
            scores, features = fresh._seen(memory.judged)
            fresh = fresh._relearned(replace(log, scores=scores, features=features))
        vars(self).update(vars(fresh))

    def _judged_anomalous(self, rows: Table) -> NDArray[np.bool_]:
        """Whether rows equal rows that were judged anomalous, shape (n_rows,)."""
        cells = self.model_.encoder.transform(rows)
        typical = np.broadcast_to(self.typical_contributions_, (len(rows), len(self.typical_contributions_)))
        features = features_of(typical, self.typical_contributions_, cells)
        return self.learning_.judged_anomalous(features)

    def _as_given(self, X: Any) -> Table:
        """X after the checks, a frame as it was given."""
        rows = converted(X)
        checked: Table = self._checked(rows)
        return rows if isinstance(rows, pd.DataFrame) else checked

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))


def stored_memory(state: Mapping[str, Any]) -> set[str]:
    """The name of the sample if a state has one: that of a pickle may, that of a model file cannot."""
    return {MEMORY} if isinstance(state.get(MEMORY), RowMemory) else set()


def _check_sizes(memory_rows: int, refit_every: int) -> None:
    for name, value, least in (("memory_rows", memory_rows, _LEAST_MEMORY), ("refit_every", refit_every, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} should be a whole number of rows, at least {least}, got {value!r}")

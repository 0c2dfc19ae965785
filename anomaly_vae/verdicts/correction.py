"""Correction: what verdicts add to scores and to the contributions of columns.

A score s has the strangeness u = arcsinh((m - s) / d), where m and d are the median and the spread of
calibration scores. The logit that a row is anomalous is RATE (u - u0) + f, where f is learned from verdicts.
The corrected score is that of the strangeness u + f / RATE. f is a sum, of one term per column and one for
rows like those that were judged, and the change of the score is divided among the terms in proportion.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import InputError, ModelFileError
from anomaly_vae.schema import Schema
from anomaly_vae.states.verdicts import LearningState, PlainCorrection, Threshold, VerdictLog
from anomaly_vae.verdicts import process
from anomaly_vae.verdicts.features import n_features, owners_of, shortfalls_of
from anomaly_vae.verdicts.scale import CLIP, Scale

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

RATE = 0.7
"""Logits per unit of strangeness."""

TRUST = 0.4
"""How much a verdict of weight 1 counts in the likelihood, where 1 would be a verdict that is never wrong.

With 1, a few wrong verdicts among the first ones lead the questions away from the anomalies, and the ranking
ends worse than without verdicts; with correct verdicts both do equally well (``benchmarks/verdicts.py``)."""

_MOST_LOGITS = 20.0
"""Bound of what verdicts change, in logits."""

_MOST_CONTRADICTION = 1e-3
_BLOCK = 1024


class Correction:
    """The correction of a detector that learned from verdicts.

    Parameters
    ----------
    state : LearningState
    owners : array of int, shape (n_features,)
        The column of each feature; the last number is that of the latent term.
    """

    def __init__(self, state: LearningState, owners: NDArray[np.int64]) -> None:
        self.state, self._owners = state, owners

    @classmethod
    def from_state(cls, state: Any, schema: Schema) -> Correction:
        """The correction of a file; raises ModelFileError unless its parts are consistent."""
        correction = cls(LearningState.from_state(state, n_features(schema)), owners_of(schema))
        if correction._contradiction() > _MOST_CONTRADICTION:
            raise ModelFileError("'alpha' contradicts the verdicts; fit and save the model again")
        return correction

    @cached_property
    def scale(self) -> Scale:
        """The units of scores and features."""
        return Scale(self.state.calibration)

    @property
    def log(self) -> VerdictLog:
        """The verdicts."""
        return self.state.log

    def get_state(self) -> dict[str, Any]:
        """The state for a file."""
        return self.state.get_state()

    def changes(self, scores: Floats, features: Singles) -> Floats:
        """Nats to add to each contribution, those of like rows last, shape (n_rows, n_columns + 2)."""
        changes = np.empty((len(scores), self._n_terms))
        for start in range(0, len(scores), _BLOCK):
            rows = slice(start, start + _BLOCK)
            changes[rows] = self._changes(scores[rows], features[rows])
        return changes

    def corrected(self, scores: Floats, features: Singles) -> Floats:
        """The corrected scores, shape (n_rows,), in nats."""
        if not len(self.log):
            return scores
        return np.asarray(scores + self.changes(scores, features).sum(axis=1))

    def logits(self, scores: Floats, features: Singles) -> Floats:
        """Logits that rows are anomalous, shape (n_rows,)."""
        strangeness = self.scale.strangeness(self.corrected(scores, features))
        return np.asarray(RATE * (strangeness - self.scale.start))

    def with_verdicts(self, log: VerdictLog, threshold: Threshold) -> Correction:
        """The correction that follows from these verdicts instead, for a threshold without verdicts."""
        if not len(log):
            return Correction(LearningState(self.state.calibration, log), self._owners)
        empty = LearningState(self.state.calibration, log, np.zeros(len(log)), threshold)
        asked = Correction(empty, self._owners)
        anomalous = (log.verdicts < 0).astype(np.float64)
        alpha = process.most_probable(asked._covariance(), asked._prior, anomalous, asked._weights)
        return Correction(replace(empty, alpha=alpha), self._owners)

    def calibration_scores(self) -> tuple[Floats, Floats]:
        """Scores of calibration rows before and after the verdicts, each ascending, in nats.

        Without the rows that equal a row that was judged anomalous. Raises InputError if none is left.
        """
        calibration = self.state.calibration
        if not len(self.log):
            return calibration.scores, calibration.scores
        left = ~self.judged_anomalous(calibration.features)
        if not left.any():
            raise InputError(
                "every calibration row equals a row that was judged anomalous, so that no threshold can be "
                "computed; check the verdicts, or fit on other rows"
            )
        scores = calibration.scores[calibration.kept][left]
        return scores, np.sort(self.corrected(scores, calibration.features[left]))

    def judged_anomalous(self, features: Singles) -> NDArray[np.bool_]:
        """Whether the cells of rows are those of rows that were judged anomalous more than normal, (n_rows,).

        Of the features only those of the cells count.
        """
        rows, judged = self._keys(features), self._keys(self.log.features)
        keys, at = np.unique(judged, return_inverse=True)
        balance = np.bincount(at.ravel(), weights=self.log.weights * self.log.verdicts)
        return np.isin(rows, keys[balance < 0])

    def _keys(self, features: Singles) -> NDArray[np.void]:
        """The bytes of the cells of each row."""
        cells = np.ascontiguousarray(features[:, self._n_terms - 1 :])
        return cells.view(np.dtype((np.void, cells.itemsize * cells.shape[1]))).ravel()

    def _covariance(self) -> Floats:
        return process.kernel(self._judged, self.scale.width, self._linear)

    @property
    def _linear(self) -> float:
        """Prior variance of the linear part per feature."""
        return process.linear_variance(self.log.verdicts, self._weights) / self.scale.n_varying

    @property
    def _weights(self) -> Floats:
        """How much each verdict counts in the likelihood."""
        return TRUST * self.log.weights

    def _contradiction(self) -> float:
        """How far the coefficients are from those that follow from the verdicts, in shares of weights."""
        log, alpha = self.log, self.state.alpha
        if not len(log):
            return 0.0
        chance = process.probability(self._covariance() @ alpha + self._prior)
        return float((np.abs((log.verdicts < 0) - chance - alpha / self._weights)).max())

    def column_weights(self) -> Floats:
        """How much of its former shortfall each column, and the latent term, counts now, (n_columns + 1,).

        Over the judged rows; at least 0, and 1 for a column without a shortfall in them.
        """
        shortfalls = shortfalls_of(self.log.features, self._n_terms - 2).clip(0.0)
        total = shortfalls.sum(axis=1, keepdims=True)
        shares = np.divide(shortfalls, total, out=np.zeros_like(shortfalls), where=total > 0)
        former = RATE * self.scale.strangeness(self.log.scores).clip(0.0)[:, None] * shares
        learned = np.where(shares > 0, self._terms(self._judged)[:, :-1], 0.0).sum(axis=0)
        before = former.sum(axis=0)
        ratio = np.divide(learned, before, out=np.zeros_like(before), where=before > 0)
        return np.asarray((1.0 + ratio).clip(0.0))

    def plain(self, typical: Floats) -> PlainCorrection:
        """The numbers of this correction, of a detector with these typical contributions."""
        scale = self.scale
        return PlainCorrection(
            typical=typical,
            center=scale.center,
            inverse=scale.inverse,
            clip=CLIP,
            slopes=self._slopes,
            owners=self._owners,
            judged=self._judged,
            local=process.LOCAL * self.state.alpha,
            width=scale.width,
            middle=scale.middle,
            spread=scale.spread,
            rate=RATE,
            most_change=_MOST_LOGITS / RATE,
            most=scale.most,
        )

    @property
    def _n_terms(self) -> int:
        return int(self._owners.max()) + 2

    @cached_property
    def _judged(self) -> Singles:
        return self.scale.standardised(self.log.features)

    @property
    def _prior(self) -> Floats:
        return np.asarray(RATE * (self.scale.strangeness(self.log.scores) - self.scale.start))

    @cached_property
    def _slopes(self) -> Floats:
        """Logits per standard deviation of each feature."""
        wide = self._judged.astype(np.float64)
        return np.asarray(self._linear * (self.state.alpha @ wide))

    def _terms(self, x: Singles) -> Floats:
        """Terms of f of standardised rows, by column and for like rows, shape (n_rows, n_columns + 2)."""
        terms = np.zeros((len(x), self._n_terms))
        np.add.at(terms.T, self._owners, (x * self._slopes).T)
        like = process.similarities(x, self._judged, self.scale.width)
        terms[:, -1] = process.LOCAL * (like * self.state.alpha).sum(axis=1)
        return terms

    def _changes(self, scores: Floats, features: Singles) -> Floats:
        terms = self._terms(self.scale.standardised(features))
        total = terms.sum(axis=1)
        strangeness = self.scale.strangeness(scores)
        allowed = self._bounded(total / RATE, strangeness)
        shift = allowed / 2.0
        # Half-angle form of (sinh(u + shift) - sinh(u)) / shift, which is exact near 0 too.
        slope = np.cosh(strangeness + shift) * _sinhc(shift)
        share = np.divide(allowed, total, out=np.full_like(total, 1.0 / RATE), where=total != 0)
        return np.asarray(terms * (-self.scale.spread * slope * share)[:, None])

    def _bounded(self, shift: Floats, strangeness: Floats) -> Floats:
        """The change of strangeness, with a bound on it and on the strangeness that results."""
        most = _MOST_LOGITS / RATE
        upwards = np.minimum(most, (self.scale.most - strangeness).clip(0.0))
        downwards = np.minimum(most, (self.scale.most + strangeness).clip(0.0))
        return np.clip(shift, -downwards, upwards)


def _sinhc(x: Floats) -> Floats:
    """sinh(x) / x, 1 at 0."""
    return np.divide(np.sinh(x), x, out=np.ones_like(x), where=x != 0)

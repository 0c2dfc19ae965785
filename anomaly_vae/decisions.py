"""Decisions: predictions, p-values, severities and thresholds from scores.

A subclass provides ``_checked`` and ``_score_samples``; everything else here is computed from the scores.
The estimators and the scorer of a model file share it, so it imports no scikit-learn.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anomaly_vae import thresholds
from anomaly_vae.errors import InputError, NonFiniteScoreError
from anomaly_vae.tails import LowerTail, SeverityScale, Tail, p_value_function, severities, tail_p_values

Floats = NDArray[np.float64]


class Decided(NamedTuple):
    """Scores of rows and the decisions about them, each of shape (n_rows,)."""

    scores: Floats
    p_values: Floats
    severities: Floats
    is_anomaly: NDArray[np.bool_]
    offsets: Floats
    """The thresholds of the rows, in nats."""


class Decisions:
    """Decisions from scores, where a score is an ELBO in nats and higher is more normal."""

    offset_: float
    false_alarm_rate_: float | None
    tail_: Tail | None
    calibration_scores_: Floats
    latent_dim_: int
    training_: dict[str, Any]

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """A JSON-serialisable summary of the fitted model: parameters, inputs, training and threshold."""

    @abstractmethod
    def _checked(self, X: Any) -> Any:
        """X after the input checks."""

    def _check_is_fitted(self) -> None:
        """Raise an error before ``fit``, of what can be fitted."""

    @abstractmethod
    def _score_samples(self, X: Any) -> Floats:
        """Scores of checked X, shape (n_rows,)."""

    def score_samples(self, X: ArrayLike) -> Floats:
        """ELBO of each row in nats, shape (n_rows,); higher is more normal.

        Raises NotFittedError before ``fit``, InputError for columns or cells that do not match the fit, and
        NonFiniteScoreError if the model is damaged.
        """
        self._check_is_fitted()
        return finite(self._score_samples(self._checked(X)))

    def decision_function(self, X: ArrayLike) -> Floats:
        """``score_samples(X) - offset_``, shape (n_rows,), in nats: negative is anomalous."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """+1 for normal and -1 for anomalous rows, shape (n_rows,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike, tail: Tail = "empirical") -> Floats:
        """Conformal p-value of each row, shape (n_rows,), from held-out calibration rows.

        If the calibration rows and a new row are both normal, P(p <= r) <= r. With contaminated
        training rows the p-values are conservative: too large.

        No p-value is less than 1 / (n_calibration + 1), the value of every row below the lowest calibration
        score. With ``tail="gpd"`` a generalised Pareto tail distinguishes these rows; this is an estimate
        without a guarantee, and raises InputError if there are too few calibration rows for it.
        """
        p_values = tail_p_values if _known(tail) == "gpd" else thresholds.conformal_p_values
        return p_values(self.score_samples(X), self.calibration_scores_)

    def severity(self, X: ArrayLike) -> Floats:
        """Severity of each row, from 0 to 100, shape (n_rows,): -10 log10 of an estimated p-value.

        20 is one in a hundred normal rows, 50 one in a hundred thousand (the Phred scale). It ranks rows
        whose conformal p-values are equal: below the lowest calibration score the tail is estimated, without
        a guarantee.
        """
        return severities(self.score_samples(X), self.calibration_scores_)

    def decider(
        self, offset: float | None = None, tail: Tail = "empirical"
    ) -> Callable[[ArrayLike], Decided]:
        """The function that scores rows and decides about them at once, for many batches of rows.

        Parameters
        ----------
        offset : float, optional
            Scores below it are anomalous, in nats; the model's own threshold by default.
        tail : {"empirical", "gpd"}
            As in ``p_values``, which raises InputError here.
        """
        self._check_is_fitted()
        least = self.offset_ if offset is None else offset
        p_values = p_value_function(self.calibration_scores_, tail)
        scale = SeverityScale.fit(self.calibration_scores_)

        def decide(X: ArrayLike) -> Decided:
            scores = self.score_samples(X)
            offsets = np.full(len(scores), least)
            return Decided(scores, p_values(scores), scale.severities(scores), scores < least, offsets)

        return decide

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Mean ELBO of the rows in nats, for model selection on held-out rows."""
        return float(self.score_samples(X).mean())

    def set_threshold(
        self,
        *,
        false_alarm_rate: float | None = None,
        contamination: float | None = None,
        offset: float | None = None,
        tail: Tail = "empirical",
    ) -> Self:
        """Set another threshold without fitting again; give exactly one of the first three parameters.

        Parameters
        ----------
        false_alarm_rate : float in (0, 1)
            Highest probability that a normal row is called anomalous, guaranteed by held-out rows.
        contamination : float in (0, 0.5]
            Share of the held-out rows to call anomalous.
        offset : float
            The score itself, in nats, below which a row is anomalous.
        tail : {"empirical", "gpd"}, default="empirical"
            What to do if there are too few held-out rows to guarantee the false-alarm rate. "empirical"
            raises InputError with the number of rows that the rate needs. "gpd" fits a generalised Pareto
            tail to their lowest scores, which is an estimate and not a guarantee.
        """
        self._check_is_fitted()
        given = {
            name: value
            for name, value in (
                ("false_alarm_rate", false_alarm_rate),
                ("contamination", contamination),
                ("offset", offset),
            )
            if value is not None
        }
        if len(given) != 1:
            wanted = "exactly one of false_alarm_rate, contamination and offset"
            raise InputError(f"set_threshold takes {wanted}, got {', '.join(given) or 'none'}")
        if _known(tail) == "gpd" and false_alarm_rate is None:
            raise InputError(f"tail='gpd' estimates a false_alarm_rate, got {', '.join(given)}; leave it out")
        if false_alarm_rate is not None:
            self._set_rate(_between("false_alarm_rate", false_alarm_rate, 1.0), tail)
        elif contamination is not None:
            share = _between("contamination", contamination, 0.5)
            self._set_offset(thresholds.contamination_offset(self.calibration_scores_, share))
        else:
            self._set_offset(_finite("offset", offset))
        return self

    def all_calibration_scores(self) -> Floats:
        """The scores of all calibration rows, ascending, shape (n_calibration,), in nats."""
        return self.calibration_scores_

    @property
    def threshold_interval_(self) -> tuple[float, float] | None:
        """Scores (low, high), in nats, between which the ``false_alarm_rate_``-quantile of normal scores is.

        The confidence is 90 %. An end is infinite if there are too few calibration rows to bound it. None
        unless the threshold guarantees a false-alarm rate.
        """
        rate = self._guaranteed_rate
        return None if rate is None else thresholds.threshold_interval(self.calibration_scores_, rate)

    @property
    def false_alarm_interval_(self) -> tuple[float, float] | None:
        """The actual false-alarm rate of this fit is between these rates (low, high), with 90 % confidence.

        A guarantee holds in the mean over fits. None unless the threshold guarantees a false-alarm rate.
        """
        rate = self._guaranteed_rate
        if rate is None:
            return None
        return thresholds.false_alarm_interval(len(self.calibration_scores_), rate)

    @property
    def _guaranteed_rate(self) -> float | None:
        return self.false_alarm_rate_ if self.tail_ == "empirical" else None

    def _set_rate(self, rate: float, tail: Tail) -> None:
        """Set the threshold of a false-alarm rate: guaranteed if possible, else estimated from the tail."""
        if tail == "empirical" or rate >= thresholds.least_false_alarm_rate(len(self.calibration_scores_)):
            self._guarantee(rate)
        else:
            self._set_offset(LowerTail.fit(self.calibration_scores_).offset(rate))
            self.false_alarm_rate_, self.tail_ = rate, tail

    def _guarantee(self, rate: float) -> None:
        """Set the threshold that guarantees a false-alarm rate."""
        self._set_offset(thresholds.false_alarm_offset(self.calibration_scores_, rate))
        self.false_alarm_rate_, self.tail_ = float(rate), "empirical"

    def _set_offset(self, offset: float) -> None:
        """Set a threshold without a false-alarm rate."""
        self.offset_, self.false_alarm_rate_, self.tail_ = offset, None, None


def summary(
    model: Decisions, kind: str, parameters: dict[str, Any], inputs: dict[str, Any]
) -> dict[str, Any]:
    """A JSON-serialisable summary of a fitted model: parameters, inputs, training and threshold."""
    return {
        "kind": kind,
        "parameters": parameters,
        **inputs,
        "training": model.training_ | {"latent_dim": model.latent_dim_},
        "threshold": {
            "offset": model.offset_,
            "false_alarm_rate": model.false_alarm_rate_,
            "tail": model.tail_,
            "n_calibration": len(model.calibration_scores_),
        },
    }


def finite(values: Floats) -> Floats:
    """The values, shape (n_rows, ...), if all are finite; else raises NonFiniteScoreError."""
    n_wrong = int(np.count_nonzero(~np.isfinite(values)))
    if n_wrong:
        raise NonFiniteScoreError(
            f"{n_wrong:,} of {values.size:,} values are not finite numbers: the model is damaged or forged; "
            f"fit it again"
        )
    return values


def _between(name: str, value: object, most: float) -> float:
    if (
        not isinstance(value, int | float | np.number)
        or not 0.0 < value <= most
        or (most == 1.0 and value == 1.0)
    ):
        interval = "(0, 1)" if most == 1.0 else f"(0, {most:g}]"
        raise InputError(f"the {name!r} of a threshold must be a float in {interval}, got {value!r}")
    return float(value)


def _finite(name: str, value: object) -> float:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise InputError(f"the {name!r} of a threshold must be a finite number of nats, got {value!r}")
    return float(value)


def _known(tail: Tail) -> Tail:
    if tail not in get_args(Tail):
        raise InputError(f"the tail of p-values must be 'empirical' or 'gpd', got {tail!r}")
    return tail

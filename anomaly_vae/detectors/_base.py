"""The scikit-learn face of every detector: scores in, decisions, p-values and thresholds out.

A concrete detector gives ``fit``, ``_validated`` and ``_score_samples``; all else follows from the scores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from anomaly_vae import thresholds
from anomaly_vae.errors import InputError, NonFiniteScoreError
from anomaly_vae.tails import LowerTail, Tail, tail_p_values

Floats = NDArray[np.float64]


class VAEDetector(OutlierMixin, BaseEstimator, ABC):
    """Decisions from scores, where a score is an ELBO in nats and higher is more normal."""

    offset_: float
    false_alarm_rate_: float | None
    tail_: Tail | None
    calibration_scores_: Floats

    @abstractmethod
    def fit(self, X: Any, y: None = None) -> Self:
        """Fit the detector and set its threshold."""

    @abstractmethod
    def _validated(self, X: Any) -> Any:
        """X checked against what was fitted."""

    @abstractmethod
    def _score_samples(self, X: Any) -> Floats:
        """Scores of validated X, shape (n_rows,)."""

    def score_samples(self, X: ArrayLike) -> Floats:
        """ELBO of each row in nats, shape (n_rows,); higher is more normal.

        Raises NotFittedError before ``fit``, InputError for columns or cells that do not fit, and
        NonFiniteScoreError where the model is damaged.
        """
        check_is_fitted(self)
        return finite(self._score_samples(self._validated(X)))

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

        None is less than 1 / (n_calibration + 1), which is promised to all rows below the lowest calibration
        score. With ``tail="gpd"`` a generalised Pareto tail tells these rows apart: it is an estimate, and
        raises InputError where the calibration rows are too few for one.
        """
        p_values = tail_p_values if _known(tail) == "gpd" else thresholds.conformal_p_values
        return p_values(self.score_samples(X), self.calibration_scores_)

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
        """Move the threshold without refitting; exactly one of the first three arguments is given.

        Parameters
        ----------
        false_alarm_rate : float in (0, 1)
            Highest chance that a normal row is called anomalous, promised by held-out rows.
        contamination : float in (0, 0.5]
            Share of the held-out rows to call anomalous.
        offset : float
            The score itself, in nats, below which a row is anomalous.
        tail : {"empirical", "gpd"}, default="empirical"
            What a false-alarm rate rests on where the held-out rows are too few to promise it: on nothing,
            and InputError is raised with the number of rows that it needs; or on a generalised Pareto tail
            of their lowest scores, which is an estimate and no promise.
        """
        check_is_fitted(self)
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
            self._keep(_between("false_alarm_rate", false_alarm_rate, 1.0), tail)
        elif contamination is not None:
            share = _between("contamination", contamination, 0.5)
            self._set_offset(thresholds.contamination_offset(self.calibration_scores_, share))
        else:
            self._set_offset(_finite("offset", offset))
        return self

    def _keep(self, rate: float, tail: Tail) -> None:
        """Set the threshold of a false-alarm rate: as promised where it can be, else by the tail."""
        if tail == "empirical" or rate >= thresholds.least_false_alarm_rate(len(self.calibration_scores_)):
            self._promise(rate)
        else:
            self._set_offset(LowerTail.fit(self.calibration_scores_).offset(rate))
            self.false_alarm_rate_, self.tail_ = rate, tail

    def _promise(self, rate: float) -> None:
        """Set the threshold that keeps a false-alarm rate."""
        self._set_offset(thresholds.false_alarm_offset(self.calibration_scores_, rate))
        self.false_alarm_rate_, self.tail_ = float(rate), "empirical"

    def _set_offset(self, offset: float) -> None:
        """Set a threshold that promises no rate."""
        self.offset_, self.false_alarm_rate_, self.tail_ = offset, None, None


def resolve_device(device: str) -> torch.device:
    """The device of a name, "auto" being a CUDA GPU where there is one and the CPU elsewhere."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used here ({reason}); use 'auto' or 'cpu'") from None
    return resolved


def finite(values: Floats) -> Floats:
    """What a model computed, shape (n_rows, ...); raises NonFiniteScoreError where it is not finite."""
    n_wrong = int(np.count_nonzero(~np.isfinite(values)))
    if n_wrong:
        raise NonFiniteScoreError(
            f"{n_wrong:,} of {values.size:,} values are not finite numbers: the model is damaged or forged; "
            f"fit it again"
        )
    return values


def stored_device(state: Mapping[str, Any]) -> torch.device:
    """The device of a saved detector: the CPU if it was asked for by name, else the best there is here."""
    return resolve_device("cpu" if state.get("device") == "cpu" else "auto")


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
        raise InputError(f"the tail of p-values is 'empirical' or 'gpd', got {tail!r}")
    return tail

"""LearningState: the calibration rows that a detector keeps, and the verdicts that it learned from.

PlainCorrection has the numbers that follow from both. All arrays are plain numbers, with which
``anomaly_vae.verdicts`` computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anomaly_vae.errors import ModelFileError
from anomaly_vae.states.checks import check_array, check_keys, check_nats
from anomaly_vae.states.fitted import check_calibration, check_threshold

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

MAX_VERDICTS = 2_000
"""Verdicts that a detector remembers; learning takes time in proportion to the cube of their number."""

MAX_WEIGHT = 1_000.0
"""Largest weight of a verdict."""

_MOST_FEATURE = 1_000.0  # a logarithm of a float is below it
_MOST_SECONDS = 2**40
_WAY_OUT = "fit and save the model again"


class Threshold(NamedTuple):
    """A threshold of scores in nats, with its false-alarm rate and the basis of that rate, if it has one."""

    offset: float
    false_alarm_rate: float | None
    tail: str | None


@dataclass(frozen=True)
class CalibrationRows:
    """What learning needs of the calibration rows.

    Attributes
    ----------
    scores : array of shape (n_rows,)
        Their scores before any verdict, in nats, ascending.
    features : array of shape (n_kept, n_features), float32
        The features of ``n_kept`` of them, drawn at random, in the same order.
    """

    scores: Floats
    features: Singles

    @property
    def kept(self) -> NDArray[np.int64]:
        """Positions of the rows with features."""
        return kept_rows(len(self.scores), len(self.features))


def kept_rows(n_rows: int, n_kept: int) -> NDArray[np.int64]:
    """Which of the rows have features, ascending: a random choice that depends only on the two numbers."""
    return np.sort(np.random.RandomState(0).permutation(n_rows)[:n_kept])


@dataclass(frozen=True)
class VerdictLog:
    """Verdicts in the order in which they were given, with what the detector saw of each row.

    Attributes
    ----------
    verdicts : array of shape (n_verdicts,), int8
        +1 for normal and -1 for anomalous rows.
    weights : array of shape (n_verdicts,)
        How much each verdict counts; 1 by default.
    times : array of shape (n_verdicts,), int64
        When ``learn`` received them, in seconds since 1970 (UTC).
    scores : array of shape (n_verdicts,)
        Scores of the rows before any verdict, in nats.
    features : array of shape (n_verdicts, n_features), float32
        Their features.
    """

    verdicts: NDArray[np.int8]
    weights: Floats
    times: NDArray[np.int64]
    scores: Floats
    features: Singles

    def __len__(self) -> int:
        return len(self.verdicts)

    def take(self, rows: Any) -> VerdictLog:
        """The verdicts at these positions."""
        return VerdictLog(*(getattr(self, one.name)[rows] for one in fields(self)))

    def followed_by(self, other: VerdictLog) -> VerdictLog:
        """These verdicts, then the others."""
        pairs = ((getattr(self, one.name), getattr(other, one.name)) for one in fields(self))
        return VerdictLog(*(np.concatenate(pair) for pair in pairs))


def no_verdicts(n_features: int) -> VerdictLog:
    """An empty log."""
    return VerdictLog(
        np.zeros(0, np.int8),
        np.zeros(0),
        np.zeros(0, np.int64),
        np.zeros(0),
        np.zeros((0, n_features), np.float32),
    )


@dataclass(frozen=True)
class LearningState:
    """What a detector learned from verdicts, and what it needs to learn more.

    Attributes
    ----------
    calibration : CalibrationRows
    log : VerdictLog
    alpha : array of shape (n_verdicts,)
        How far each verdict moves the logits of its row and of rows like it.
    threshold : Threshold or None
        The threshold without verdicts; None if there are none.
    """

    calibration: CalibrationRows
    log: VerdictLog
    alpha: Floats = field(default_factory=lambda: np.zeros(0))
    threshold: Threshold | None = None

    def get_state(self) -> dict[str, Any]:
        """The state as plain dictionaries, numbers and arrays."""
        calibration = {"scores": self.calibration.scores, "features": self.calibration.features}
        if self.threshold is None:
            return {**calibration, "verdicts": None}
        log = {one.name: getattr(self.log, one.name) for one in fields(self.log)}
        return {**calibration, "verdicts": {**log, "alpha": self.alpha, **self.threshold._asdict()}}

    @classmethod
    def from_state(cls, state: Any, n_features: int) -> LearningState:
        """The state of a file; raises ModelFileError unless its arrays are consistent."""
        check_keys("learning_", state, {"scores", "features", "verdicts"})
        calibration = _load_calibration(state, n_features)
        stored = state["verdicts"]
        if stored is None:
            return cls(calibration, no_verdicts(n_features))
        names = [one.name for one in fields(VerdictLog)]
        check_keys("verdicts", stored, {*names, "alpha", *Threshold._fields})
        log, alpha = VerdictLog(*(stored[name] for name in names)), stored["alpha"]
        _check_log(log, alpha, n_features)
        return cls(calibration, log, alpha, _load_threshold(stored))


@dataclass(frozen=True)
class PlainCorrection:
    """The numbers of a correction; ``anomaly_vae.verdicts`` computes them, and says what they mean.

    Attributes
    ----------
    typical : array of shape (n_columns + 1,)
        The typical contributions, in nats.
    center, inverse : arrays of shape (n_features,)
        Means of the features, and the inverses of their standard deviations.
    clip : float
        Standardised features are clipped to this.
    slopes : array of shape (n_features,)
        Logits per standard deviation of each feature.
    owners : array of int, shape (n_features,)
        The column of each feature; the last number is that of the latent term.
    judged : array of shape (n_verdicts, n_features), float32
        The standardised features of the judged rows.
    local : array of shape (n_verdicts,)
        Logits of a row that equals a judged one.
    width : float
        Squared distance of rows that are alike.
    middle, spread : float
        Origin and unit of strangeness, in nats.
    rate : float
        Logits per unit of strangeness.
    most_change, most : float
        Bounds of a change of strangeness, and of the strangeness that results.
    """

    typical: Floats
    center: Floats
    inverse: Floats
    clip: float
    slopes: Floats
    owners: NDArray[np.int64]
    judged: NDArray[np.float32]
    local: Floats
    width: float
    middle: float
    spread: float
    rate: float
    most_change: float
    most: float


def _load_calibration(state: Mapping[str, Any], n_features: int) -> CalibrationRows:
    scores, features = state["scores"], state["features"]
    check_calibration(scores)
    _check_features(features, np.shape(features)[:1], n_features)
    if not 1 <= len(features) <= len(scores):
        raise ModelFileError(f"'features' should be those of 1 to {len(scores)} calibration rows; {_WAY_OUT}")
    return CalibrationRows(scores, features)


def _check_features(features: Any, n_rows: tuple[int, ...], n_features: int) -> None:
    check_array("features", features, (*n_rows, n_features))
    if features.dtype != np.float32 or np.abs(features).max(initial=0.0) > _MOST_FEATURE:
        raise ModelFileError(f"'features' should hold small numbers in single precision; {_WAY_OUT}")


def _check_log(log: VerdictLog, alpha: Any, n_features: int) -> None:
    n_verdicts = np.shape(log.verdicts)[:1]
    if not n_verdicts or not 1 <= n_verdicts[0] <= MAX_VERDICTS:
        raise ModelFileError(f"'verdicts' should be 1 to {MAX_VERDICTS:,} of +1 and -1; {_WAY_OUT}")
    for name in ("verdicts", "weights", "times"):
        check_array(name, getattr(log, name), n_verdicts)
    check_nats("scores", log.scores, n_verdicts)
    _check_features(log.features, n_verdicts, n_features)
    check_array("alpha", alpha, n_verdicts)
    kinds = {"verdicts": "int8", "weights": "float64", "times": "int64", "scores": "float64"}
    if any(getattr(log, name).dtype != kind for name, kind in kinds.items()) or alpha.dtype != "float64":
        raise ModelFileError(f"an array of 'verdicts' has another type than those of a fit; {_WAY_OUT}")
    possible = (
        np.abs(log.verdicts) == 1,
        (log.weights > 0) & (log.weights <= MAX_WEIGHT),
        (log.times >= 0) & (log.times <= _MOST_SECONDS),
        np.abs(alpha) <= log.weights * (1 + 1e-6),
    )
    if not all(values.all() for values in possible):
        raise ModelFileError(f"'verdicts' holds a verdict, weight or time out of range; {_WAY_OUT}")


def _load_threshold(stored: Mapping[str, Any]) -> Threshold:
    threshold = Threshold(*(stored[name] for name in Threshold._fields))
    check_threshold(dict(zip(("offset_", "false_alarm_rate_", "tail_"), threshold, strict=True)))
    return threshold

"""Gates: conditions on metrics, such as ``recall>=old-0.02,false_alarms<=0.01``, that a model must meet."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError

Metrics = Mapping[str, float | None]
"""Values by the name of their metric; None if it is not defined, such as the precision without alerts."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_FORM = "wanted METRIC>=LIMIT, where LIMIT is a number or old, old-0.02, old+0.02 or old*0.9"
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?"
_CLAUSE = re.compile(r"\s*([A-Za-z_]+)\s*(>=|<=|>|<)\s*(\S.*?)\s*")
_LIMIT = re.compile(rf"(?P<old>old)(?:\s*(?P<sign>[-+*])\s*(?P<step>{_NUMBER}))?|(?P<number>[-+]?{_NUMBER})")
_ROUNDING = 1e-12  # 0.9 - 0.02 is 0.88 in a gate, not 0.8800000000000001


@dataclass(frozen=True)
class Outcome:
    """Whether a clause of a gate holds.

    Attributes
    ----------
    clause : str
        As the user wrote it.
    value, limit : float or None
        What is compared; None if the metric is not defined for the new or the old model.
    holds : bool
        False if one of them is None.
    """

    clause: str
    value: float | None
    limit: float | None
    holds: bool


@dataclass(frozen=True)
class Clause:
    """A comparison of a metric with a limit: ``factor`` times the value of the old model, plus ``step``."""

    text: str
    metric: str
    operator: str
    factor: float
    step: float

    def outcome(self, new: Metrics, old: Metrics) -> Outcome:
        """Compare the metrics of a model with the limit."""
        value, former = new[self.metric], old.get(self.metric) if self.factor else 0.0
        if value is None or former is None:
            return Outcome(self.text, value, None, holds=False)
        limit = self.factor * former + self.step
        slack = _ROUNDING if self.operator == "<=" else -_ROUNDING if self.operator == ">=" else 0.0
        return Outcome(self.text, value, limit, OPERATORS[self.operator](value, limit + slack))


@dataclass(frozen=True)
class Gate:
    """Clauses that all must hold."""

    clauses: tuple[Clause, ...]

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that are compared."""
        return frozenset(clause.metric for clause in self.clauses)

    def outcomes(self, new: Metrics, old: Metrics | None = None) -> tuple[Outcome, ...]:
        """Compare the metrics of a model, and those of the model that it may replace, with each limit."""
        return tuple(clause.outcome(new, old or {}) for clause in self.clauses)


def parse_gate(text: str, metrics: Collection[str], *, has_old: bool = True) -> Gate:
    """Read the text of a gate: clauses separated by commas.

    Parameters
    ----------
    text : str
    metrics : collection of str
        Names that a clause may have.
    has_old : bool
        Whether there is an old model to compare with.

    Raises
    ------
    InputError
        For text of another form, an unknown metric, and ``old`` without an old model.

    Examples
    --------
    >>> gate = parse_gate("recall>=old-0.02, false_alarms<=0.01", ["recall", "false_alarms"])
    >>> new, old = {"recall": 0.9, "false_alarms": 0.02}, {"recall": 0.92, "false_alarms": 0.03}
    >>> [outcome.holds for outcome in gate.outcomes(new, old)]
    [True, False]
    """
    return Gate(tuple(_clause(part.strip(), metrics, has_old=has_old) for part in text.split(",")))


def problems(outcomes: Collection[Outcome]) -> list[str]:
    """One line for each clause that does not hold."""
    return [f"the gate {one.clause} does not hold: {_why(one)}" for one in outcomes if not one.holds]


def _clause(text: str, metrics: Collection[str], *, has_old: bool) -> Clause:
    parts = _CLAUSE.fullmatch(text)
    if parts is None:
        raise InputError(f"gate {text!r}: {_FORM}; the operators are {' '.join(OPERATORS)}")
    metric, sign, written = parts.groups()
    if metric not in metrics:
        problem = f"gate {text!r}: there is no metric {metric!r}; the metrics are {', '.join(metrics)}"
        raise UnknownNameError(problem, metric, metrics)
    limit = _LIMIT.fullmatch(written)
    if limit is None:
        raise InputError(f"gate {text!r}: {written!r} is not a valid limit; {_FORM}")
    if limit["old"] and not has_old:
        raise InputError(f"gate {text!r}: there is no old model here; give a number, or use compare")
    return Clause(text, metric, sign, *_factor_and_step(limit))


def _factor_and_step(limit: re.Match[str]) -> tuple[float, float]:
    if not limit["old"]:
        return 0.0, float(limit["number"])
    step = float(limit["step"] or 0.0)
    if limit["sign"] == "*":
        return step, 0.0
    return 1.0, -step if limit["sign"] == "-" else step


def _why(outcome: Outcome) -> str:
    if outcome.value is None:
        return "the metric is not defined for this data"
    if outcome.limit is None:
        return f"it is {outcome.value:.4g}, and the metric of the old model is not defined"
    return f"it is {outcome.value:.4g}, and the limit is {outcome.limit:.4g}"

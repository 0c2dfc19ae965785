"""Rules as they stand in a TOML file: the keys of each table ``[[rule]]``, and the rule that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from anomaly_vae.errors import InputError
from anomaly_vae.tails import LowerTail
from anomaly_vae_pipelines.alerting.config import reach
from anomaly_vae_pipelines.alerting.config.sections import (
    Names,
    NameTuple,
    PositiveSeconds,
    Seconds,
    Section,
    Severity,
    Text,
    positive_seconds_from,
)
from anomaly_vae_pipelines.alerting.rules.base import Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.discovery_rules import DiscoveryRule
from anomaly_vae_pipelines.alerting.rules.drift import Reference
from anomaly_vae_pipelines.alerting.rules.drift_rules import StreamDriftRule
from anomaly_vae_pipelines.alerting.rules.limits import CalibrationScores, Limit
from anomaly_vae_pipelines.alerting.rules.row_rules import RunRule, ScoreRule
from anomaly_vae_pipelines.alerting.rules.silence import SilenceRule
from anomaly_vae_pipelines.alerting.rules.window_rules import DriftRule, MissingRule, ShareRule
from anomaly_vae_pipelines.alerting.rules.windows import Window
from anomaly_vae_pipelines.alerting.times import Clock

MIN_ROWS = 100
"""Rows that a window must have to be judged, unless the rule says how many, or it is shorter."""


_RATE = 0.01


def window_from(value: object) -> Window:
    """The window of a number of rows or a duration; raises ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Window(rows=value)
    return Window(seconds=positive_seconds_from(value))


Count = Annotated[int, Field(ge=1, description="a whole number from 1")]
Nats = Annotated[float, Field(le=float("inf"), description="a number of nats, such as -50.0")]
Probability = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
Rate = Annotated[float, Field(gt=0, lt=1, description="a number between 0 and 1")]
Share = Annotated[float, Field(gt=0, le=1, description="a number over 0 and up to 1")]
WindowSize = Annotated[
    Window,
    PlainValidator(window_from),
    Field(description='a whole number from 1 (rows), or a duration longer than 0, such as "15m"'),
]
# Of its own Field: with two, pydantic 2.11 and older take the default of a field of Names for this one.
Columns = Annotated[
    NameTuple, Field(strict=False, min_length=1, description='a list of columns such as ["amount"]')
]


class RuleSection(Section):
    """The keys that every rule has; the file may give defaults for the last two."""

    kind: str = ""
    name: Annotated[Text, Field(description="a name that no other rule has")]
    severity: Severity = "warning"
    key: Names = ()
    cooldown: Seconds = 3600.0

    @property
    def options(self) -> RuleOptions:
        """What every rule has."""
        return RuleOptions(self.name, self.severity, self.key, self.cooldown)

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        """The rule for a model with this calibration; raises InputError if it can never fire."""
        raise NotImplementedError


class LimitSection(RuleSection):
    """The keys that select rows; by default a rule counts the rows that the model flags."""

    below: Nats | None = None
    p_value: Probability | None = None
    tail: Annotated[Literal["empirical", "gpd"], Field(description="one of empirical, gpd")] | None = None

    @model_validator(mode="after")
    def _check_limit(self) -> Self:
        if self.below is not None and self.p_value is not None:
            raise ValueError("give only one of below, p_value")
        if self.tail is not None and not self.has_p_values:
            raise ValueError("tail goes with p_value; give that too, or remove tail")
        return self

    @property
    def has_p_values(self) -> bool:
        """Whether p-values decide."""
        return self.p_value is not None

    def limit(self, calibration: CalibrationScores) -> Limit:
        """Which rows count; raises InputError where none ever can."""
        tail = self._tail(calibration)
        limit = Limit(self.below, self.p_value, calibration, tail)
        reach.check_limit(limit)
        return limit

    def _tail(self, calibration: CalibrationScores) -> LowerTail | None:
        if self.tail != "gpd":
            return None
        if calibration.scores is None or not len(calibration.scores):
            raise InputError(f"tail = 'gpd' {_needs(calibration)}, or remove tail")
        return calibration.tail()


def _needs(calibration: CalibrationScores) -> str:
    """Why a model without calibration scores does not do, and the first way out."""
    if calibration.n_of_key is not None:
        return "needs a model with one threshold, and this one has one for each key; fit one without --key"
    return "needs scores of calibration, and the model has none; fit the model again"


class WindowSection(RuleSection):
    """The keys of a window; without them the whole run is one."""

    window: WindowSize = Window()
    least: Count | None = None

    @model_validator(mode="after")
    def _check_least(self) -> Self:
        if self.window.rows is not None and self.least is not None and self.least > self.window.rows:
            raise ValueError(f"least must be at most the {self.window.rows} rows of window, got {self.least}")
        return self

    @property
    def full_window(self) -> Window:
        """The window with the rows it must have: by default ``MIN_ROWS``, fewer if it is shorter."""
        return replace(self.window, least=self.least or min(MIN_ROWS, self.window.rows or MIN_ROWS))


class ScoreSection(LimitSection):
    """Each row that counts, or that is a discovery at a false-discovery rate."""

    fdr: Rate | None = None
    method: Annotated[Literal["lord++", "saffron"], Field(description="one of lord++, saffron")] | None = None

    @property
    def has_p_values(self) -> bool:
        return self.p_value is not None or self.fdr is not None

    @model_validator(mode="after")
    def _check_fdr(self) -> Self:
        if self.method is not None and self.fdr is None:
            raise ValueError("method goes with fdr; give that too, or remove method")
        if self.fdr is not None and (self.below is not None or self.p_value is not None):
            raise ValueError("give only one of below, p_value, fdr")
        return self

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        if self.fdr is not None:
            tail, method = self._tail(calibration), self.method or "lord++"
            if tail is None:
                reach.check_discoveries(method, self.fdr, calibration)
            limit = Limit(None, self.fdr, calibration, tail)
            return DiscoveryRule(self.options, limit, self.fdr, method)
        return ScoreRule(self.options, self.limit(calibration))


class RunSection(LimitSection):
    """Rows of which k of n consecutive ones count."""

    n: Annotated[Count, Field(description="a whole number from 1: how many rows to look at")]
    k: Annotated[Count, Field(description="a whole number from 1: how many of the n rows must count")]

    @model_validator(mode="after")
    def _check_k(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"k must be at most n = {self.n}, got {self.k}")
        return self

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        return RunRule(self.options, self.limit(calibration), self.k, self.n)


class ShareSection(WindowSection, LimitSection):
    """A share of the rows of a window that counts."""

    share: Share

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        return ShareRule(self.options, self.full_window, self.limit(calibration), self.share)


class DriftSection(WindowSection):
    """Rows against those of calibration, after each row; or scores of a window, if a key of it is given."""

    rate: Share | None = None
    effect: Probability = 0.1
    p_value: Probability = 1e-3

    @model_validator(mode="after")
    def _check_rate(self) -> Self:
        if self.rate is not None and self._of_window:
            raise ValueError(f"rate does not go with {self._of_window[0]}; remove one of them")
        if self.rate == 1:
            raise ValueError("rate must be less than 1")
        return self

    @property
    def _of_window(self) -> list[str]:
        """The given keys of a rule about the scores of a window."""
        return sorted({"window", "least", "effect", "p_value"} & self.model_fields_set)

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        if calibration.rows is not None and not self._of_window:
            return StreamDriftRule(self.options, calibration.rows(), self.rate or _RATE)
        if self.rate is not None:
            raise InputError(
                "rate needs the calibration rows of a model of a table, and the model has none; fit the "
                "model again, or give window instead"
            )
        return self._window_rule(calibration)

    def _window_rule(self, calibration: CalibrationScores) -> Rule:
        if calibration.scores is None or not len(calibration.scores):
            raise InputError(f"kind = 'drift' {_needs(calibration)}, or remove the rule")
        reference = Reference(calibration.scores)
        reach.check_drift(self.p_value, reference, self.full_window)
        return DriftRule(self.options, self.full_window, reference, self.effect, self.p_value)


class MissingSection(WindowSection):
    """A share of empty cells in a window."""

    columns: Columns
    share: Share

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        return MissingRule(self.options, self.full_window, self.columns, self.share)


class SilenceSection(RuleSection):
    """No row for a while."""

    after: PositiveSeconds

    def rule(self, calibration: CalibrationScores, clock: Clock) -> Rule:
        reach.check_silence(self.after, self.key)
        return SilenceRule(self.options, self.after, clock)


RULES: Mapping[str, type[RuleSection]] = {
    "score": ScoreSection,
    "run": RunSection,
    "share": ShareSection,
    "drift": DriftSection,
    "missing": MissingSection,
    "silence": SilenceSection,
}
"""Sections by ``kind``."""

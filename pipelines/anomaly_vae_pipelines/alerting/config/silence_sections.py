"""Silences as they stand in a TOML file: the keys of each table ``[[silence]]``, in Alertmanager's words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.sections import Section, Text
from anomaly_vae_pipelines.alerting.rules.base import Rule
from anomaly_vae_pipelines.alerting.rules.silencing import RULE_LABELS, Silence, parse_matcher
from anomaly_vae_pipelines.alerting.times import time_of
from anomaly_vae_pipelines.errors import UnknownNameError


def moment_from(value: object) -> float:
    """Seconds since 1970 of a date or a time of TOML, or of a text; raises ValueError for anything else."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    seconds = time_of(value) if isinstance(value, str) else np.nan
    if np.isnan(seconds):
        raise ValueError(value)
    return seconds


Moment = Annotated[
    float,
    BeforeValidator(moment_from),
    Field(description="a date or a time, such as 2026-03-01 or 2026-03-01T08:00:00Z (UTC without a zone)"),
]
Matchers = Annotated[
    tuple[str, ...],
    Field(strict=False, min_length=1, description="a list of matchers such as ['host=\"web-1\"']"),
]


class SilenceTable(Section):
    """The keys of a silence."""

    matchers: Matchers
    ends_at: Moment
    created_by: Annotated[Text, Field(description="who wants it")]
    comment: Annotated[Text, Field(description="the reason")]
    starts_at: Moment = 0.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at must be later than starts_at")
        for text in self.matchers:
            parse_matcher(text)
        return self

    @property
    def silence(self) -> Silence:
        """The silence that the keys describe."""
        matchers = tuple(map(parse_matcher, self.matchers))
        return Silence(matchers, self.starts_at, self.ends_at, self.created_by, self.comment)


def check_applies(silence: Silence, rules: Sequence[Rule]) -> None:
    """Raise InputError for a silence that applies to no rule, UnknownNameError for an unknown rule."""
    names = [rule.name for rule in rules]
    for matcher in silence.matchers:
        if matcher.name == "rule" and matcher.operator == "=" and matcher.value not in names:
            raise UnknownNameError(f"there is no rule {matcher.value!r}", matcher.value, names)
    if any(silence.applies_to(rule) for rule in rules):
        return
    columns = [matcher.name for matcher in silence.matchers if matcher.name not in RULE_LABELS]
    raise InputError(
        f"applies to no rule: {', '.join(map(repr, columns))} must be key columns of a rule, unless its kind "
        "is score; add them to key, or remove the silence"
    )

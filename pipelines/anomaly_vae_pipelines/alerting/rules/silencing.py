"""Silences: matches that raise no alert until a date, because someone said so; each is counted.

The words are those of Prometheus Alertmanager. They have nothing to do with the rule ``silence``, which fires
if no rows arrive.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from anomaly_vae_pipelines.alerting.records import iso_time
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows

RULE_LABELS = ("rule", "kind", "severity")
"""Names in matchers that mean the rule; all others are columns."""

_MATCHER = re.compile(r"\s*([^=!~\"]+?)\s*(=~|!~|!=|=)\s*(?:\"(.*)\"|((?![=~])[^\"]*))\s*", re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """A condition on a column or on the rule, such as ``host=~"web-.*"``.

    Attributes
    ----------
    name : str
        A column, or one of ``RULE_LABELS``.
    operator : {"=", "!=", "=~", "!~"}
        Whether the cell must be equal to the value, or match it as a whole as a regular expression, or not.
    value : str
        An empty one is that of a missing cell.
    """

    name: str
    operator: str
    value: str

    def matches(self, cell: str) -> bool:
        """Whether a cell meets the condition."""
        is_met = re.fullmatch(self.value, cell) is not None if "~" in self.operator else cell == self.value
        return is_met != self.operator.startswith("!")

    def __str__(self) -> str:
        value = self.value.replace('"', '\\"')
        return f'{self.name}{self.operator}"{value}"'


def parse_matcher(text: str) -> Matcher:
    """The matcher of a text; raises ValueError, whose message says what is wrong.

    >>> parse_matcher('host=~"web-.*"')
    Matcher(name='host', operator='=~', value='web-.*')
    """
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f'matcher {text!r}: wanted a name, one of = != =~ !~ and a value, such as host="a"')
    name, operator, quoted, bare = found.groups()
    value = (bare or "") if quoted is None else quoted.replace('\\"', '"')
    if "~" in operator:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"matcher {text!r}: is not a valid regular expression ({error})") from None
    return Matcher(name, operator, value)


@dataclass(frozen=True)
class Silence:
    """Matches that raise no alert for some time.

    Attributes
    ----------
    matchers : tuple of Matcher
        All must hold.
    starts_at, ends_at : float
        Seconds since 1970; it silences matches from the first up to the second.
    created_by, comment : str
        Who wants it, and why.
    """

    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    created_by: str
    comment: str

    @property
    def id(self) -> str:
        """The same for the same silence."""
        text = repr((self.matchers, self.starts_at, self.ends_at, self.created_by, self.comment))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def applies_to(self, rule: Rule) -> bool:
        """Whether all columns of the matchers are known for what a rule finds.

        They are if they are key columns of the rule, or if the rule judges each row by itself.
        """
        own = {*RULE_LABELS, *rule.options.key}
        return rule.judges_rows or own.issuperset(matcher.name for matcher in self.matchers)

    def matches(self, rule: Rule, match: Match, timed: TimedRows | None) -> bool:
        """Whether a match of a rule is silenced."""
        return self.starts_at <= match.time < self.ends_at and all(
            matcher.matches(_cell(matcher.name, rule, match, timed)) for matcher in self.matchers
        )


@dataclass
class Count:
    """How many matches a silence took, and the time and the description of the last of them."""

    n: int = 0
    time: str | None = None
    what: str = ""


@dataclass
class Silencer:
    """Takes silenced matches out, and counts them by the id of their silence."""

    silences: Sequence[Silence] = ()
    counts: dict[str, Count] = field(default_factory=dict)
    n_silenced: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that matchers name."""
        names = (matcher.name for silence in self.silences for matcher in silence.matchers)
        return tuple(dict.fromkeys(name for name in names if name not in RULE_LABELS))

    def kept(self, rule: Rule, matches: Iterable[Match], timed: TimedRows | None) -> Iterator[Match]:
        """The matches of a rule that no silence takes."""
        silences = [silence for silence in self.silences if silence.applies_to(rule)]
        for match in matches:
            taken = next((one for one in silences if one.matches(rule, match, timed)), None)
            if taken is None:
                yield match
            else:
                self._count(taken, rule, match, timed)

    def get_state(self) -> dict[str, Any]:
        """The counts, as JSON."""
        return {name: [count.n, count.time, count.what] for name, count in self.counts.items()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the counts of silences that still exist."""
        known = {silence.id for silence in self.silences}
        self.counts = {name: Count(*count) for name, count in state.items() if name in known}

    def _count(self, silence: Silence, rule: Rule, match: Match, timed: TimedRows | None) -> None:
        self.n_silenced += 1
        count = self.counts.setdefault(silence.id, Count())
        row = timed.row(match.at).name if match.rows is None and timed is not None else ""
        count.n, count.time = count.n + 1, iso_time(match.time)
        count.what = f"{rule.name}: {row or match.what}"


def _cell(name: str, rule: Rule, match: Match, timed: TimedRows | None) -> str:
    if name in RULE_LABELS:
        return {"rule": rule.name, "kind": rule.kind, "severity": rule.options.severity}[name]
    if name in rule.options.key:
        return match.key[rule.options.key.index(name)]
    return "" if timed is None else timed.cell(name, match.at)

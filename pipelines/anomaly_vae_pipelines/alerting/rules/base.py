"""What a rule is: it sees scored rows and yields matches.

Every rule looks at each value of its key columns separately. What it yields depends on the order of the rows
alone, not on how they were divided into batches, so that a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anomaly_vae_pipelines.alerting.records import AlertRow, Key, RowLocation
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.reasons import Reason

if TYPE_CHECKING:
    from anomaly_vae.drift.reference import Reference


@dataclass(frozen=True)
class Match:
    """What a rule found at one moment.

    Attributes
    ----------
    key : tuple of str
        Value of the rule's key columns.
    time : float
        Seconds since 1970.
    at : int
        Position of the row that completed it, among the rows that the rule was given; -1 if no row did.
    what : str
        The match in a clause; empty if it is a single row.
    p_value : float or None
        How unlikely it is among normal rows.
    n_rows : int
        Rows that it counts.
    n_joining : int or None
        Rows that it adds to an alert that it joins; None if it adds all of them.
    first, last : RowLocation or None
        The first and the last row that it counts; None if that is the row at ``at``.
    rows : tuple of AlertRow or None
        The first ``MAX_ROWS`` of the rows that it counts; None if that is the row at ``at``.
    measures : mapping of str to float
        What was measured.
    columns : tuple of Reason
        The columns that it is about; if empty, those of the worst row are shown.
    rank : float
        The lower, the worse among matches of the same rule.
    worst : AlertRow or None
        The row with the lowest score of those that it counts; None if that is the row at ``at``, or if the
        match is not about scores.
    """

    key: Key
    time: float
    at: int
    what: str
    p_value: float | None
    n_rows: int = 1
    n_joining: int | None = None
    first: RowLocation | None = None
    last: RowLocation | None = None
    rows: tuple[AlertRow, ...] | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[Reason, ...] = ()
    rank: float = 0.0
    worst: AlertRow | None = None


@dataclass(frozen=True)
class RuleOptions:
    """What every rule has: a name, a severity, key columns, and a cool-down in seconds."""

    name: str
    severity: str = "warning"
    key: tuple[str, ...] = ()
    cooldown: float = 3600.0


class Rule:
    """A rule that finds nothing and has no state: the base of all others."""

    kind = ""
    judges_rows = False
    """Whether each match is about the row at its position alone."""

    def __init__(self, options: RuleOptions) -> None:
        self.options = options

    @property
    def name(self) -> str:
        """The name of the rule, which no other rule has."""
        return self.options.name

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the input that the rule reads."""
        return self.options.key

    @property
    def settings(self) -> str:
        """What the state depends on: a rule with other settings starts with an empty one."""
        return f"{self.kind} {self.options.key}"

    @property
    def calibration_rows(self) -> Reference | None:
        """The calibration rows that it wants scored rows to be compared with; None if it does not."""
        return None

    @property
    def meaning(self) -> str:
        """What it fires on, in words, with the numbers of the model."""
        return ""

    @property
    def false_alarms(self) -> str:
        """How often normal rows make it fire; empty if that is not known."""
        return ""

    def find(self, timed: TimedRows) -> Iterable[Match]:
        """Matches in the next rows, in any order."""
        return ()

    def tick(self, now: float, idle: float) -> Iterable[Match]:
        """Matches at a time when no row has arrived for ``idle`` seconds."""
        return ()

    def end(self, now: float) -> Iterable[Match]:
        """Matches at the end of the source."""
        return ()

    def heading(self, worst_match: Match, n_matches: int, n_rows: int, worst_row: str) -> str:
        """The sentence at the head of an alert of several matches and rows; ``worst_row`` may be empty."""
        return f"{worst_match.what}; worst is {worst_row}" if worst_row else worst_match.what

    def get_state(self) -> Any:
        """What the rule remembers, as JSON."""
        return None

    def set_state(self, state: Any) -> None:
        """Restore what ``get_state`` returned."""

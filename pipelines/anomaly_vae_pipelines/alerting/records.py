"""Records of alerting: an alert, the rows that it shows, and the summary of a run; all frozen."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from anomaly_vae_pipelines.reasons import Reason

SEVERITIES = ("info", "warning", "critical")
"""In ascending order."""

MAX_ROWS = 20
"""Rows that an alert shows; it counts all of them."""

MAX_REASONS = 10
"""Columns that an alert, or one of its rows, shows."""

Key = tuple[str, ...]
"""Cells of the key columns."""


@dataclass(frozen=True)
class RowLocation:
    """Where a row is, so that it can be recognized after a restart.

    Attributes
    ----------
    source : str
        Name of the file.
    number : int
        Line of the file, or number of the row, from 1; 0 if there was no row.
    fingerprint : str
        Hash of the cells, because a later file of the same name has other rows on the same lines.
    """

    source: str
    number: int
    fingerprint: str = ""


@dataclass(frozen=True)
class AlertRow:
    """A row that an alert shows.

    Attributes
    ----------
    source, number : str, int
        File, and line of the file (or number of the row), from 1.
    score, p_value : float or None
        ELBO in nats, and the share of held-out training rows that score as low; None if not finite.
    severity : float or None
        -10 log10 of an estimated p-value, from 0 to 100; None in what older versions saved. It is a number,
        unlike the severity of the alert, which the rule sets.
    reasons : tuple of Reason
        Columns that explain the low score, worst first.
    ids : mapping of str to str
        Cells of the columns by which people know the row.
    name : str
        What to call the row: ``line 109``, or with ids ``patient=367 (line 109)``.
    """

    source: str
    number: int
    score: float | None
    p_value: float | None
    severity: float | None = None
    reasons: tuple[Reason, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Alert:
    """What a rule found, for people and programs to act on.

    Attributes
    ----------
    id : str
        The same for the same rule, key and first row, also after a crash, so that a receiver can drop
        duplicates.
    rule, kind, severity : str
        Name and kind of the rule, and one of ``SEVERITIES``.
    what : str
        The match in a sentence: how many rows, which of them is the worst, and why.
    time : str
        When, in UTC: ISO 8601.
    key : mapping of str to str
        Key columns and the values that the alert is about.
    source : str
        Name of the file of the first row.
    first, last : int
        Numbers of the first and the last row that the alert is about.
    p_value : float or None
        How unlikely this is among normal rows; None if that is not known.
    measures : mapping of str to float
        What the rule measured in the worst match, such as the share of anomalies.
    columns : tuple of Reason
        The columns that explain the worst row (or that the rule is about), worst first, with what was
        observed and expected.
    n_rows : int
        Rows that the alert counts.
    rows : tuple of AlertRow
        The first ``MAX_ROWS`` of them.
    cooldown : float
        Seconds during which this rule raises no other alert for this key.
    worst : AlertRow or None
        The row with the lowest score of all that the alert counts; None if it is not about scores.
    """

    id: str
    rule: str
    kind: str
    severity: str
    what: str
    time: str
    key: Mapping[str, str]
    source: str
    first: int
    last: int
    p_value: float | None
    measures: Mapping[str, float]
    columns: tuple[Reason, ...]
    n_rows: int
    rows: tuple[AlertRow, ...]
    cooldown: float
    worst: AlertRow | None = None

    def to_json(self) -> str:
        """The alert in one line of JSON, with the keys of this class, in its order."""
        text = json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)
        # The name of a file may hold bytes that are not UTF-8; as escapes they are valid JSON.
        return text.encode("utf-8", "backslashreplace").decode()

    @classmethod
    def from_json(cls, text: str) -> Alert:
        """The alert that ``to_json`` returned; raises ValueError, KeyError or TypeError for anything else."""
        values: dict[str, Any] = json.loads(text)
        rows = tuple(row_from_json(row) for row in values.pop("rows"))
        columns = tuple(Reason(**reason) for reason in values.pop("columns"))
        worst = values.pop("worst", None)  # older alerts in a spool have none
        return cls(rows=rows, columns=columns, worst=worst and row_from_json(worst), **values)


@dataclass(frozen=True)
class AlertSummary:
    """What alerting did in a run.

    Attributes
    ----------
    n_alerts : int
        Alerts raised.
    n_suppressed : int
        Matches during the cool-down of an earlier alert, which are part of no alert.
    n_silenced : int
        Matches that a silence took.
    n_delivered, n_spooled, n_refused : mapping of str to int
        By sink: alerts delivered, waiting on disk for the next run, and rejected by the receiver (they are in
        the directory ``refused`` of the sink's spool).
    problems : tuple of str
        A sentence for each sink that did not accept all alerts.
    """

    n_alerts: int
    n_suppressed: int
    n_delivered: Mapping[str, int]
    n_spooled: Mapping[str, int]
    n_refused: Mapping[str, int]
    problems: tuple[str, ...] = ()
    n_silenced: int = 0


def alert_id(rule: str, key: Key, location: RowLocation) -> str:
    """32 hexadecimal digits, the same whenever the same row raises the same alert."""
    parts = json.dumps([rule, key, location.source, location.number, location.fingerprint])
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def row_from_json(values: Mapping[str, Any]) -> AlertRow:
    """The row with the fields that were read from JSON."""
    return AlertRow(**{**values, "reasons": tuple(Reason(**reason) for reason in values["reasons"])})


def worse(one: AlertRow | None, other: AlertRow | None) -> AlertRow | None:
    """The row with the lower score; the first if they are equal."""
    if one is None or other is None:
        return one or other
    return other if score_of(other) < score_of(one) else one


def finite(value: float) -> float | None:
    """The number, or None if JSON cannot represent it."""
    return float(value) if math.isfinite(value) else None


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def score_of(row: AlertRow) -> float:
    """The score in nats; minus infinity if JSON could not represent it."""
    return -math.inf if row.score is None else row.score

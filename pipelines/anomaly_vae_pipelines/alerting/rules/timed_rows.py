"""Scored rows as rules see them: each with its time, and grouped by the values of a key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anomaly_vae_pipelines.alerting.records import MAX_REASONS, AlertRow, Key, RowLocation, finite
from anomaly_vae_pipelines.alerting.wording import row_label
from anomaly_vae_pipelines.records import ScoredRows

Group = tuple[Key, NDArray[np.intp]]
"""A value of the key, and the positions of its rows in ascending order."""


@dataclass(frozen=True)
class TimedRows:
    """Consecutive scored rows and the time of each.

    Attributes
    ----------
    scored : ScoredRows
        The rows and their scores.
    times : array of shape (n_rows,)
        Seconds since 1970.
    ids : sequence of str
        Columns by which people know a row.
    """

    scored: ScoredRows
    times: NDArray[np.float64]
    ids: Sequence[str] = ()
    _columns: dict[str, Sequence[str]] = field(default_factory=dict, repr=False, compare=False)
    _groups: dict[Key, Sequence[Group]] = field(default_factory=dict, repr=False, compare=False)

    def groups(self, key: Sequence[str]) -> Sequence[Group]:
        """Rows by the value of the key columns, in the order of their first rows; one group without a key."""
        columns = tuple(key)
        if columns not in self._groups:
            self._groups[columns] = self._group(columns) if len(self.times) else []
        return self._groups[columns]

    def cell(self, name: str, position: int) -> str:
        """A cell of a row as text, empty if it is missing."""
        if name not in self._columns:
            self._columns[name] = self.scored.rows.cells(name)
        return self._columns[name][position]

    def row(self, position: int) -> AlertRow:
        """What an alert says about one row."""
        rows, ids = self.scored.rows, {name: self.cell(name, position) for name in self.ids}
        return AlertRow(
            rows.source_of(position),
            int(rows.numbers[position]),
            finite(self.scored.scores[position]),
            finite(self.scored.p_values[position]),
            finite(self.scored.severities[position]),
            tuple(self.scored.reasons.get(position, ())[:MAX_REASONS]),
            ids,
            row_label(ids, rows.name_of(position)),
        )

    def location(self, position: int) -> RowLocation:
        """Where one row is, with a hash of its contents."""
        rows = self.scored.rows
        fingerprint = hashlib.sha256(rows.contents(position)).hexdigest()[:16]
        return RowLocation(rows.source_of(position), int(rows.numbers[position]), fingerprint)

    def _group(self, columns: Key) -> Sequence[Group]:
        if not columns:
            return [((), np.arange(len(self.times)))]
        values = list(zip(*(self.scored.rows.cells(name) for name in columns), strict=True))
        found: dict[Key, int] = {}
        codes = np.array([found.setdefault(value, len(found)) for value in values])
        order = np.argsort(codes, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(codes))[:-1])
        return [(values[part[0]], part) for part in parts]

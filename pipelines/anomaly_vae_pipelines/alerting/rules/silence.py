"""The rule for a silent source: no row for a while, or no row in a whole run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from anomaly_vae_pipelines.alerting.by_key import ByKey
from anomaly_vae_pipelines.alerting.records import Key, RowLocation, iso_time
from anomaly_vae_pipelines.alerting.rules.base import Match, Rule, RuleOptions
from anomaly_vae_pipelines.alerting.rules.timed_rows import TimedRows
from anomaly_vae_pipelines.alerting.times import Clock, duration_text

FORGET_AFTER = 7 * 86400.0
"""Seconds after which a silent value of the key is dropped."""


@dataclass(frozen=True)
class _LastRow:
    """The last row, when it arrived by the clock, and how often the silence after it was found."""

    location: RowLocation
    arrival: float
    n_found: int = 0


class SilenceRule(Rule):
    """Finds values of the key (or the whole source) that had no row for ``after`` seconds.

    The time of arrival by the clock counts, and a restart resets it: while no run reads the source, nothing
    is silent. A silence that lasts is found again after each further ``after`` seconds.
    """

    kind = "silence"

    def __init__(self, options: RuleOptions, after: float, clock: Clock) -> None:
        super().__init__(options)
        self.after, self._clock = after, clock
        self._start = clock.now()
        self._last_rows: ByKey[_LastRow] = ByKey(options.name)
        self._n_rows = 0

    @property
    def meaning(self) -> str:
        return f"no row for {duration_text(self.after)}, or none in a whole run"

    def find(self, timed: TimedRows) -> Iterator[Match]:
        rows, now = timed.scored.rows, self._clock.now()
        for key, positions in timed.groups(self.options.key):
            last = int(positions[-1])
            location = RowLocation(rows.source, int(rows.numbers[last]), iso_time(timed.times[last]))
            self._last_rows.put(key, _LastRow(location, now))
            self._n_rows += len(positions)
        yield from ()

    def tick(self, now: float, idle: float) -> Iterator[Match]:
        if not self.options.key and self._last_rows.get(()) is None:
            self._last_rows.put((), self._nothing)
        for key, last in list(self._last_rows.items()):
            yield from self._silent(key, last, now)

    def end(self, now: float) -> Iterator[Match]:
        if not self._n_rows:
            location = (self._last_rows.get(()) or self._nothing).location
            yield Match((), now, -1, "the source has no row", None, 0, None, location, location, ())

    def get_state(self) -> Any:
        return self._last_rows.to_json(lambda last: asdict(last.location))

    def set_state(self, state: Any) -> None:
        self._last_rows.from_json(state, lambda location: _LastRow(RowLocation(**location), self._start))

    @property
    def _nothing(self) -> _LastRow:
        return _LastRow(RowLocation("", 0, iso_time(self._start)), self._start)

    def _silent(self, key: Key, last: _LastRow, now: float) -> Iterator[Match]:
        silent = now - last.arrival
        n_found = int(silent // self.after)
        if key and silent > FORGET_AFTER:
            self._last_rows.drop(key)
        elif n_found > last.n_found:
            self._last_rows.put(key, replace(last, n_found=n_found))
            nth_location = replace(last.location, fingerprint=f"{last.location.fingerprint}+{n_found}")
            what = f"no row for {duration_text(round(silent))} (at most {duration_text(self.after)})"
            yield Match(
                key, now, -1, what, None, 0, None, nth_location, nth_location, (), {"seconds": silent}
            )

"""The rule of a silent source: no row for a while, or in a whole run none at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from anomaly_vae_pipelines.alerting.records import Key, Place, iso_time
from anomaly_vae_pipelines.alerting.rules.base import Finding, Name, Rule
from anomaly_vae_pipelines.alerting.rules.by_key import ByKey
from anomaly_vae_pipelines.alerting.rules.stretch import Stretch
from anomaly_vae_pipelines.alerting.times import Clock, shown

FORGET = 7 * 86400.0
"""Seconds after which a silent value of the key is taken to be gone for good."""


@dataclass(frozen=True)
class _Heard:
    """The last row, when it came by the clock, and how often its silence was found."""

    place: Place
    arrival: float
    n_found: int = 0


class SilenceRule(Rule):
    """Finds values of the key (or the whole source) of which no row came for so many seconds.

    It is the time of arrival that counts, by the clock, and it begins anew at a restart: while nobody
    read there was no silence. A silence that lasts is found again each time as many seconds pass.
    """

    kind = "silence"

    def __init__(self, name: Name, after: float, clock: Clock) -> None:
        super().__init__(name)
        self.after, self._clock = after, clock
        self._start = clock.now()
        self._heard: ByKey[_Heard] = ByKey(name.name)
        self._n_rows = 0

    @property
    def meaning(self) -> str:
        """How long no row came."""
        return f"no row for {shown(self.after)}, or none in a whole run"

    def find(self, stretch: Stretch) -> Iterator[Finding]:
        """No finding: rows have come."""
        rows, now = stretch.scored.rows, self._clock.now()
        for key, positions in stretch.cuts(self.name.key):
            last = int(positions[-1])
            place = Place(rows.source, int(rows.numbers[last]), iso_time(stretch.times[last]))
            self._heard.put(key, _Heard(place, now))
            self._n_rows += len(positions)
        yield from ()

    def tick(self, now: float, idle: float) -> Iterator[Finding]:
        """Findings for each value of the key that is silent."""
        if not self.name.key and self._heard.get(()) is None:
            self._heard.put((), self._nothing)
        for key, heard in self._heard.items():
            yield from self._silent(key, heard, now)

    def end(self, now: float) -> Iterator[Finding]:
        """A finding where the whole run had no row."""
        if not self._n_rows:
            place = (self._heard.get(()) or self._nothing).place
            yield Finding((), now, -1, "the source has no row", None, 0, None, place, place, ())

    def get_state(self) -> Any:
        """The last row of each value of the key."""
        return self._heard.to_json(lambda heard: asdict(heard.place))

    def set_state(self, state: Any) -> None:
        """Go on with the last rows; each counts as heard now."""
        self._heard.from_json(state, lambda place: _Heard(Place(**place), self._start))

    @property
    def _nothing(self) -> _Heard:
        return _Heard(Place("", 0, iso_time(self._start)), self._start)

    def _silent(self, key: Key, heard: _Heard, now: float) -> Iterator[Finding]:
        silent = now - heard.arrival
        n_found = int(silent // self.after)
        if key and silent > FORGET:
            self._heard.drop(key)
        elif n_found > heard.n_found:
            self._heard.put(key, replace(heard, n_found=n_found))
            nth = replace(heard.place, fingerprint=f"{heard.place.fingerprint}+{n_found}")
            what = f"no row for {shown(round(silent))} (at most {shown(self.after)})"
            yield Finding(key, now, -1, what, None, 0, None, nth, nth, (), {"seconds": silent})

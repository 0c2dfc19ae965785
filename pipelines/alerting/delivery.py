"""Delivery: alerts go to disk first and to the sinks then, oldest first, until each took them.

At least once: an alert leaves the disk only after its receiver took it. A receiver that fails is left
alone for twice as long each time, while everything else goes on.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path

from pipelines.alerting.records import Alert
from pipelines.alerting.sinks import Sink, wants
from pipelines.alerting.spool import Spool
from pipelines.alerting.times import Clock
from pipelines.errors import AlertingWarning, DeliveryError

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds before the first further try, and between any two."""

TURN = 5.0
"""Seconds after which a sink's turn is over while rows are still coming."""


class Lane:
    """The way to one sink: its spool, and when it is to be tried next."""

    def __init__(self, sink: Sink, directory: Path, clock: Clock) -> None:
        self.sink, self.spool = sink, Spool(directory)
        self.n_delivered = self.n_refused = 0
        self.due = clock.elapsed()
        self._clock, self._n_failures = clock, 0
        self._random = random.Random()

    def send(self, until: float) -> None:
        """Deliver what waits, until that time or until the sink fails."""
        while self.due <= self._clock.elapsed() < until and (alert := self.spool.oldest()) is not None:
            seconds = min(self.sink.timeout, max(until - self._clock.elapsed(), 1.0))
            try:
                self.sink.send(alert, seconds)
                self._delivered()
            except DeliveryError as error:
                self._failed(error)

    def _delivered(self) -> None:
        self.spool.drop()
        self.n_delivered += 1
        self._n_failures = 0

    def _failed(self, error: DeliveryError) -> None:
        if error.final:
            self.spool.refuse(f"was refused by sink {self.sink.name!r}: it {error}")
            self.n_refused += 1
            return
        if self._n_failures == 0:
            text = f"sink {self.sink.name!r}: {error}; alerts wait in {self.spool.directory}"
            warnings.warn(f"{text} and are tried again", AlertingWarning, stacklevel=5)
        # The random part keeps many senders from coming back in the same moment.
        wait = min(FIRST_WAIT * 2.0**self._n_failures, LONGEST_WAIT) * self._random.uniform(0.5, 1.0)
        self._n_failures = min(self._n_failures + 1, 30)
        self.due = self._clock.elapsed() + max(wait, error.wait)


class Delivery:
    """Brings alerts to all sinks that want them.

    Parameters
    ----------
    sinks : sequence of Sink
        Where alerts go.
    directory : Path
        The spool; each sink has a directory of its name in it.
    clock : Clock
        For waiting.
    """

    def __init__(self, sinks: Sequence[Sink], directory: Path, clock: Clock) -> None:
        self._lanes = [Lane(sink, directory / sink.name, clock) for sink in sinks]
        self._clock = clock
        _tell_of_orphans(directory, {sink.name for sink in sinks})

    def put(self, alerts: Sequence[Alert]) -> None:
        """Keep alerts for each sink that wants them; they are on disk when this returns."""
        for lane in self._lanes:
            lane.spool.put([alert for alert in alerts if wants(lane.sink, alert)])

    def send(self) -> None:
        """Deliver what is due, without waiting for anything that isn't."""
        for lane in self._lanes:
            lane.send(self._clock.elapsed() + TURN)

    def finish(self, seconds: float) -> None:
        """Deliver all there is, trying again for this many seconds; warns of what is left."""
        until = self._clock.elapsed() + seconds
        self.send()
        while waits := [lane.due for lane in self._lanes if len(lane.spool)]:
            pause = max(min(waits) - self._clock.elapsed(), 0.0)
            if self._clock.elapsed() + pause >= until:
                break
            self._clock.sleep(pause)
            for lane in self._lanes:
                lane.send(until)
        for lane in self._lanes:
            _tell_of_rest(lane)

    @property
    def n_delivered(self) -> dict[str, int]:
        """Alerts delivered in this run, by sink."""
        return {lane.sink.name: lane.n_delivered for lane in self._lanes}

    @property
    def n_spooled(self) -> dict[str, int]:
        """Alerts that wait on disk, by sink."""
        return {lane.sink.name: len(lane.spool) for lane in self._lanes}

    @property
    def n_refused(self) -> dict[str, int]:
        """Alerts that receivers refused for good in this run, by sink."""
        return {lane.sink.name: lane.n_refused for lane in self._lanes}


def _tell_of_rest(lane: Lane) -> None:
    if len(lane.spool):
        text = f"sink {lane.sink.name!r}: {len(lane.spool)} alerts were not delivered"
        where = f"they wait in {lane.spool.directory}, and the next run with these rules sends them"
        warnings.warn(f"{text}; {where}", AlertingWarning, stacklevel=4)


def _tell_of_orphans(directory: Path, names: set[str]) -> None:
    for place in sorted({path.parent for path in directory.glob("*/*-*.json")}):
        if place.name not in names:
            text = f"{place}: alerts wait here for a sink that the rules don't name"
            advice = f"name it {place.name!r} again, or remove them"
            warnings.warn(f"{text}; {advice}", AlertingWarning, stacklevel=4)

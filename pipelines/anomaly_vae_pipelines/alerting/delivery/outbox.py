"""Delivery: alerts go to disk first and to the sinks then, oldest first, until each took them.

At least once: an alert leaves the disk only after its receiver took it. A receiver that fails is left
alone for twice as long each time, while everything else goes on.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path

from anomaly_vae_pipelines.alerting.delivery.sinks import Sink, takes
from anomaly_vae_pipelines.alerting.delivery.spool import REFUSED, Spool
from anomaly_vae_pipelines.alerting.records import Alert, AlertSummary, iso_time
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.errors import AlertingWarning, DeliveryError

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds before the first further try, and between any two."""

TURN = 5.0
"""Seconds after which a sink's turn is over while rows are still coming."""


class Lane:
    """The way to one sink: its spool, and when it is to be tried next."""

    def __init__(self, sink: Sink, directory: Path, clock: Clock) -> None:
        self.sink, self.spool = sink, Spool(directory)
        self.n_delivered, self.last_error = 0, ""
        self.due = clock.elapsed()
        self._last: dict[str, str] = {}
        self._clock, self._n_failures = clock, 0
        self._random = random.Random()

    def send(self, until: float) -> None:
        """Deliver what waits, until that time or until the sink fails."""
        before = dict(self._last)
        while self.due <= self._clock.elapsed() < until and (alert := self.spool.oldest()) is not None:
            seconds = min(self.sink.timeout, max(until - self._clock.elapsed(), 1.0))
            try:
                self.sink.send(alert, seconds)
                self._delivered()
            except DeliveryError as error:
                self._failed(error)
        if self._last != before:
            self.spool.note(self._last)

    @property
    def problem(self) -> str:
        """What this sink did not take, and what to do about it, in a sentence; empty where it took all."""
        parts, refused = [], self.spool.directory / REFUSED
        if n_waiting := len(self.spool):
            where = f"{_they(n_waiting, 'wait')} in {self.spool.directory}"
            how = "the next run with these rules or 'anomaly-vae alerts resend' tries again"
            parts.append(f"{_alerts(n_waiting)} not delivered; {where}, and {how}")
        if n_refused := self.spool.n_refused:
            where, how = f"{_they(n_refused, 'lie')} in {refused}", "'anomaly-vae alerts resend --refused'"
            parts.append(f"{_alerts(n_refused)} refused; {where}, and {how} tries again")
        if parts and self.last_error:
            parts.append(f"the last error: {self.last_error}")
        return f"sink {self.sink.name!r}: {'; '.join(parts)}" if parts else ""

    def _delivered(self) -> None:
        self._last["delivered"] = iso_time(self._clock.now())
        self.spool.drop()
        self.n_delivered += 1
        self._n_failures = 0

    def _failed(self, error: DeliveryError) -> None:
        self.last_error = str(error)
        self._last |= {"failed": iso_time(self._clock.now()), "error": self.last_error}
        if error.final:
            self.spool.refuse(f"was refused by sink {self.sink.name!r}: it {error}")
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
            lane.spool.put([alert for alert in alerts if takes(lane.sink, alert.severity)])

    def send(self) -> None:
        """Deliver what is due, without waiting for anything that isn't."""
        for lane in self._lanes:
            lane.send(self._clock.elapsed() + TURN)

    def finish(self, seconds: float) -> None:
        """Deliver all there is, trying again for this many seconds."""
        until = self._clock.elapsed() + seconds
        self.send()
        while waits := [lane.due for lane in self._lanes if len(lane.spool)]:
            pause = max(min(waits) - self._clock.elapsed(), 0.0)
            if self._clock.elapsed() + pause >= until:
                break
            self._clock.sleep(pause)
            for lane in self._lanes:
                lane.send(until)

    def take_back(self) -> int:
        """Let all refused alerts wait again; how many there are."""
        return sum(lane.spool.take_back() for lane in self._lanes)

    @property
    def waiting(self) -> tuple[str, ...]:
        """A sentence for each sink that left alerts waiting; a refusal was warned of when it came."""
        return tuple(lane.problem for lane in self._lanes if len(lane.spool))

    def summary(self, n_alerts: int, n_suppressed: int) -> AlertSummary:
        """The account of a run with its numbers of alerts and suppressed findings."""
        return AlertSummary(
            n_alerts,
            n_suppressed,
            {lane.sink.name: lane.n_delivered for lane in self._lanes},
            {lane.sink.name: len(lane.spool) for lane in self._lanes},
            {lane.sink.name: lane.spool.n_refused for lane in self._lanes},
            tuple(lane.problem for lane in self._lanes if lane.problem),
        )


def _alerts(number: int) -> str:
    return "1 alert was" if number == 1 else f"{number:,} alerts were"


def _they(number: int, verb: str) -> str:
    return f"it {verb}s" if number == 1 else f"they {verb}"


def _tell_of_orphans(directory: Path, names: set[str]) -> None:
    for place in sorted({path.parent for path in directory.glob("*/*-*.json")}):
        if place.name not in names:
            text = f"{place}: alerts wait here for a sink that the rules don't name"
            advice = f"name it {place.name!r} again, or remove them"
            warnings.warn(f"{text}; {advice}", AlertingWarning, stacklevel=4)

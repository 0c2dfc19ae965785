"""Delivery: alerts go to disk first, and then to the sinks, oldest first.

Delivery is at least once: an alert is removed from disk only after its receiver accepted it. After each
failure of a sink, the wait before the next attempt doubles, while scoring and other sinks continue.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path

from anomaly_vae_pipelines.alerting.delivery.sinks import Sink
from anomaly_vae_pipelines.alerting.delivery.spool import REFUSED, Spool
from anomaly_vae_pipelines.alerting.records import Alert, AlertSummary, iso_time
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.errors import AlertingWarning, DeliveryError

FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds before the second attempt, and at most between any two."""

MAX_SEND_SECONDS = 5.0
"""Seconds for which one sink may be sent alerts before the next, while rows still arrive."""


class SinkQueue:
    """The alerts that wait for one sink, and the time of its next attempt."""

    def __init__(self, sink: Sink, directory: Path, clock: Clock) -> None:
        self.sink, self.spool = sink, Spool(directory)
        self.n_delivered, self.last_error = 0, ""
        self.due = clock.elapsed()
        self._last: dict[str, str] = {}
        self._clock, self._n_failures = clock, 0
        self._random = random.Random()

    def send(self, until: float) -> None:
        """Deliver waiting alerts until this time, or until the sink fails."""
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
        """What this sink did not accept and what to do about it, in a sentence; empty if it accepted all."""
        parts, refused = [], self.spool.directory / REFUSED
        if n_waiting := len(self.spool):
            where = f"{'it waits' if n_waiting == 1 else 'they wait'} in {self.spool.directory}"
            how = "the next run with these rules or 'anomaly-vae alerts resend' tries again"
            parts.append(f"{_alerts(n_waiting)} not delivered; {where}, and {how}")
        if n_refused := self.spool.n_refused:
            where = f"{'it is' if n_refused == 1 else 'they are'} in {refused}"
            how = "'anomaly-vae alerts resend --refused' tries again"
            parts.append(f"{_alerts(n_refused)} refused; {where}, and {how}")
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
        # The random part keeps many senders from trying again at the same moment.
        wait = min(FIRST_WAIT * 2.0**self._n_failures, LONGEST_WAIT) * self._random.uniform(0.5, 1.0)
        self._n_failures = min(self._n_failures + 1, 30)
        self.due = self._clock.elapsed() + max(wait, error.wait)


class Delivery:
    """Delivers alerts to all sinks that accept their severity.

    ``directory`` is the spool; each sink has a directory of its name in it.
    """

    def __init__(self, sinks: Sequence[Sink], directory: Path, clock: Clock) -> None:
        self._queues = [SinkQueue(sink, directory / sink.name, clock) for sink in sinks]
        self._clock = clock
        _warn_of_orphans(directory, {sink.name for sink in sinks})

    def put(self, alerts: Sequence[Alert]) -> None:
        """Store alerts for each sink that accepts them; they are on disk when this returns."""
        for queue in self._queues:
            queue.spool.put([alert for alert in alerts if queue.sink.accepts(alert.severity)])

    def send(self) -> None:
        """Deliver what is due, without waiting for sinks that are not."""
        for queue in self._queues:
            queue.send(self._clock.elapsed() + MAX_SEND_SECONDS)

    def finish(self, seconds: float) -> None:
        """Deliver everything, trying again for this many seconds."""
        until = self._clock.elapsed() + seconds
        self.send()
        while waits := [queue.due for queue in self._queues if len(queue.spool)]:
            pause = max(min(waits) - self._clock.elapsed(), 0.0)
            if self._clock.elapsed() + pause >= until:
                break
            self._clock.sleep(pause)
            for queue in self._queues:
                queue.send(until)

    def restore_refused(self) -> int:
        """Move all refused alerts back, so that they wait again; returns their number."""
        return sum(queue.spool.restore_refused() for queue in self._queues)

    @property
    def waiting(self) -> tuple[str, ...]:
        """A sentence for each sink that left alerts waiting; for refused alerts there was a warning."""
        return tuple(queue.problem for queue in self._queues if len(queue.spool))

    def summary(self, n_alerts: int, n_suppressed: int, n_silenced: int = 0) -> AlertSummary:
        """The summary of a run with these numbers of alerts, and of suppressed and silenced matches."""
        return AlertSummary(
            n_alerts,
            n_suppressed,
            {queue.sink.name: queue.n_delivered for queue in self._queues},
            {queue.sink.name: len(queue.spool) for queue in self._queues},
            {queue.sink.name: queue.spool.n_refused for queue in self._queues},
            tuple(queue.problem for queue in self._queues if queue.problem),
            n_silenced,
        )


def _alerts(number: int) -> str:
    return "1 alert was" if number == 1 else f"{number:,} alerts were"


def _warn_of_orphans(directory: Path, names: set[str]) -> None:
    for sink_directory in sorted({path.parent for path in directory.glob("*/*-*.json")}):
        if sink_directory.name not in names:
            text = f"{sink_directory}: alerts wait here for a sink that the rules do not name"
            advice = f"name a sink {sink_directory.name!r} again, or remove the alerts"
            warnings.warn(f"{text}; {advice}", AlertingWarning, stacklevel=4)

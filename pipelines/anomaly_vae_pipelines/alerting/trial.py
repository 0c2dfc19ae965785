"""Trial: a marked alert to each sink, to see that it arrives; no rule, state or spool has a part in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomaly_vae_pipelines.alerting.config.reading import read_delivery
from anomaly_vae_pipelines.alerting.delivery.sinks import Sink
from anomaly_vae_pipelines.alerting.records import Alert, iso_time
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.errors import DeliveryError

TEST = "test"
"""Kind of the alert; no rule has it."""


@dataclass(frozen=True)
class Trial:
    """How one sink took the test alert: in how many seconds, and what went wrong if anything did."""

    sink: str
    kind: str
    seconds: float
    problem: str | None


def try_sinks(
    path: Path, *, environ: Mapping[str, str] = os.environ, clock: Clock | None = None
) -> Iterator[Trial]:
    """Send a test alert to each sink of a file of rules, whatever severity it wants, and tell how it went.

    Raises InputError where the sinks of the file are not right.
    """
    chosen = clock or Clock()
    for sink in read_delivery(path, environ).sinks:
        yield _try(sink, chosen)


def trial_alert(severity: str, now: float) -> Alert:
    """An alert that says that it is a test, in all that a receiver shows."""
    return Alert(
        id=secrets.token_hex(16),
        rule="TEST",
        kind=TEST,
        severity=severity,
        what="TEST of this sink by 'anomaly-vae alerts test'; nothing is wrong",
        time=iso_time(now),
        key={},
        source="TEST",
        first=0,
        last=0,
        p_value=None,
        measures={},
        columns=(),
        n_rows=0,
        rows=(),
        cooldown=0.0,
    )


def _try(sink: Sink, clock: Clock) -> Trial:
    started, problem = clock.elapsed(), None
    try:
        sink.send(trial_alert(sink.severity, clock.now()), sink.timeout)
    except DeliveryError as error:
        problem = str(error)
    return Trial(sink.name, sink.kind, clock.elapsed() - started, problem)

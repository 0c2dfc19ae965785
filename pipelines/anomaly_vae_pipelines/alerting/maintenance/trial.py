"""Trial: a test alert to each sink, to see whether it arrives, without rules, state or spool."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomaly_vae_pipelines.alerting.config.reading import read_delivery
from anomaly_vae_pipelines.alerting.records import Alert, iso_time
from anomaly_vae_pipelines.alerting.times import Clock
from anomaly_vae_pipelines.errors import DeliveryError

TEST = "test"
"""Kind of the alert, which no rule has."""


@dataclass(frozen=True)
class Trial:
    """The result for one sink: its name and kind, the time in seconds, and the problem if there was one."""

    sink: str
    kind: str
    seconds: float
    problem: str | None


def try_sinks(
    path: Path, *, environ: Mapping[str, str] = os.environ, clock: Clock | None = None
) -> Iterator[Trial]:
    """Send a test alert to each sink of a file of rules, whatever severity it accepts; yields the results.

    Raises InputError if the sinks of the file are not valid.
    """
    clock = clock or Clock()
    for sink in read_delivery(path, environ).sinks:
        started, problem = clock.elapsed(), None
        try:
            sink.send(_alert(sink.severity, clock.now()), sink.timeout)
        except DeliveryError as error:
            problem = str(error)
        yield Trial(sink.name, sink.kind, clock.elapsed() - started, problem)


def _alert(severity: str, now: float) -> Alert:
    """An alert that says that it is a test, in every field that a receiver shows."""
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

"""Sinks: where alerts go. Each sends one alert within a number of seconds, or raises DeliveryError."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from anomaly_vae_pipelines.alerting.delivery.post import post
from anomaly_vae_pipelines.alerting.delivery.signatures import headers_of
from anomaly_vae_pipelines.alerting.records import SEVERITIES, Alert, iso_time
from anomaly_vae_pipelines.alerting.wording import columns_text, rows_text
from anomaly_vae_pipelines.errors import DeliveryError
from anomaly_vae_pipelines.io import system
from anomaly_vae_pipelines.io.files import standard_output

_MIN_FIRING = 300.0
"""Seconds for which Alertmanager keeps an alert firing, if its cool-down is not longer."""


@dataclass(frozen=True)
class Sink:
    """A receiver of alerts.

    Attributes
    ----------
    name : str
        Its name, which no other sink has, and that of its directory in the spool.
    kind : str
        As in the TOML file.
    severity : str
        The least severity that it accepts.
    timeout : float
        Seconds that the delivery of one alert may take.
    """

    name: str
    severity: str = field(default=SEVERITIES[0], kw_only=True)
    timeout: float = field(default=10.0, kw_only=True)

    kind: ClassVar[str]

    def accepts(self, severity: str) -> bool:
        """Whether it accepts alerts of this severity."""
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.severity)

    def send(self, alert: Alert, seconds: float) -> None:
        """Deliver one alert; raises DeliveryError."""
        raise NotImplementedError


@dataclass(frozen=True)
class JsonLinesSink(Sink):
    """Appends each alert as a line of JSON to a file; ``-`` is standard output."""

    path: str

    kind: ClassVar[str] = "jsonl"

    def send(self, alert: Alert, seconds: float) -> None:
        """Return when the line is on disk, or was written to standard output."""
        line = alert.to_json().encode() + b"\n"
        try:
            _print(line) if self.path == "-" else _append(self.path, line)
        except OSError as error:
            raise DeliveryError(f"{self.path}: cannot be written ({error.strerror})") from error


@dataclass(frozen=True)
class WebhookSink(Sink):
    """Posts each alert as JSON, signed if there is a secret (see ``signatures``)."""

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    kind: ClassVar[str] = "webhook"

    def send(self, alert: Alert, seconds: float) -> None:
        """Return when the receiver answered with 2xx."""
        body, timestamp = alert.to_json().encode(), str(int(time.time()))
        headers = {"Content-Type": "application/json", "Idempotency-Key": alert.id}
        post(self.url, body, headers | headers_of(alert.id, timestamp, body, self.secret), seconds)


@dataclass(frozen=True)
class AlertmanagerSink(Sink):
    """Posts each alert to Prometheus Alertmanager; labels hold nothing that differs from row to row."""

    url: str = field(repr=False)

    kind: ClassVar[str] = "alertmanager"

    def send(self, alert: Alert, seconds: float) -> None:
        """Return when Alertmanager answered with 2xx."""
        body = json.dumps([alertmanager_alert(alert, time.time())]).encode()
        url = self.url.rstrip("/") + "/api/v2/alerts"
        post(url, body, {"Content-Type": "application/json"}, seconds)


def alertmanager_alert(alert: Alert, now: float) -> dict[str, Any]:
    """The alert in the format of Alertmanager; it fires until ``endsAt``, which is after ``now``."""
    began = datetime.fromisoformat(alert.time).timestamp()
    annotations = {
        "summary": alert.what,
        "id": alert.id,
        "p_value": _known(alert.p_value, ".3g"),
        "worst_severity": _known(None if alert.worst is None else alert.worst.severity, ".1f"),
        "columns": columns_text(alert.columns),
        "rows": rows_text(alert),
        "n_rows": str(alert.n_rows),
    }
    return {
        "labels": _labels(alert),
        "annotations": annotations,
        "startsAt": alert.time,
        "endsAt": iso_time(max(now, began) + max(alert.cooldown, _MIN_FIRING)),
    }


def _known(value: float | None, digits: str) -> str:
    return "unknown" if value is None else format(value, digits)


def _labels(alert: Alert) -> Mapping[str, str]:
    """Labels with few values each; a key column with the name of another label becomes ``key_<name>``."""
    labels = {
        "alertname": alert.rule,
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity,
        "source": alert.source,
    }
    for column, value in alert.key.items():
        name = re.sub(r"[^a-zA-Z0-9_]", "_", column)
        taken = name in labels or not re.match(r"[a-zA-Z]", name)
        labels[f"key_{name}" if taken else name] = value
    return labels


def _print(line: bytes) -> None:
    stream = standard_output()
    stream.write(line)
    stream.flush()


def _append(path: str, line: bytes) -> None:
    """Append a line; an incomplete line that a crash left is kept on a line of its own."""
    with system.opened(Path(path), os.O_RDWR | os.O_CREAT | os.O_APPEND) as descriptor:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if is_file and os.lseek(descriptor, 0, os.SEEK_END):
            os.lseek(descriptor, -1, os.SEEK_END)
            line = line if os.read(descriptor, 1) == b"\n" else b"\n" + line
        system.write_all(descriptor, line)
        if is_file:
            system.calls.sync(descriptor)

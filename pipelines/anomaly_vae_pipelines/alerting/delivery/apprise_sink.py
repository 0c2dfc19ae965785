"""A sink for every service that Apprise supports: mail, Slack, Teams, PagerDuty and about 100 more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from anomaly_vae.errors import InputError, MissingExtraError
from anomaly_vae_pipelines.alerting.delivery.post import within
from anomaly_vae_pipelines.alerting.delivery.sinks import Sink
from anomaly_vae_pipelines.alerting.records import SEVERITIES, Alert
from anomaly_vae_pipelines.alerting.wording import message, title
from anomaly_vae_pipelines.errors import DeliveryError

_TYPES = dict(zip(SEVERITIES, ("info", "warning", "failure"), strict=True))


@dataclass(frozen=True)
class AppriseSink(Sink):
    """Sends each alert as a message to one Apprise URL; ``apprise_sink`` creates it."""

    service: Any = field(repr=False)

    kind: ClassVar[str] = "apprise"

    def send(self, alert: Alert, seconds: float) -> None:
        """Return when Apprise has delivered the alert."""
        within(seconds, lambda: self._notify(alert))

    def _notify(self, alert: Alert) -> None:
        kind = _TYPES[alert.severity]
        with _silent_log():
            try:
                taken = self.service.notify(message(alert), title(alert), kind, body_format="text")
            except Exception as error:  # Whatever a plug-in raises, scoring continues.
                raise DeliveryError(f"Apprise failed ({type(error).__name__})") from None
        if not taken:
            raise DeliveryError("Apprise could not deliver")


def apprise_sink(name: str, url: str, severity: str, timeout: float) -> AppriseSink:
    """A sink for one Apprise URL; raises InputError, without the URL, if Apprise does not support it."""
    try:
        import apprise
    except ImportError as error:
        problem = "needs Apprise; install it with: pip install 'anomaly-vae[alerts]'"
        raise MissingExtraError(f"sink {name!r} {problem}") from error
    service = apprise.Apprise()
    with _silent_log():
        known = service.add(url)
    if not known:
        problem = "Apprise does not support its URL; see the list of services of Apprise"
        raise InputError(f"sink {name!r}: {problem}")
    return AppriseSink(name, service, severity=severity, timeout=timeout)


@contextmanager
def _silent_log() -> Iterator[None]:
    """Turn off the log of Apprise, because it shows URLs, and those hold passwords."""
    log = logging.getLogger("apprise")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before

"""Alerting: rules over scored rows, and the sinks that their alerts go to."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly_vae_pipelines.alerting.alerter import Alerter, load_alerter
    from anomaly_vae_pipelines.alerting.delivery.signatures import verify
    from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, AlertSummary

__all__ = ["Alert", "AlertRow", "AlertSummary", "Alerter", "load_alerter", "verify"]

_MODULES = {
    "Alert": "records",
    "AlertRow": "records",
    "AlertSummary": "records",
    "Alerter": "alerter",
    "load_alerter": "alerter",
    "verify": "delivery.signatures",
}


def __getattr__(name: str) -> object:
    """Import a public name on first access (PEP 562): most commands raise no alerts."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, whether imported yet or not."""
    return sorted(__all__)

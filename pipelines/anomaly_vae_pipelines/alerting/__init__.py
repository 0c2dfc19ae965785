"""Alerting: rules over scored rows, and the sinks that their alerts go to."""

from __future__ import annotations

from anomaly_vae_pipelines.alerting.alerter import Alerter, load_alerter
from anomaly_vae_pipelines.alerting.delivery.signatures import verify
from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, AlertSummary

__all__ = ["Alert", "AlertRow", "AlertSummary", "Alerter", "load_alerter", "verify"]

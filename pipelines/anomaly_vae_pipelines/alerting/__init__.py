"""Alerting: rules over scored rows, and the sinks that their alerts go to.

alerter       rows in, alerts out
maintenance   status, resending, and a test alert to each sink
locking       one run at a time has a state
state         what is kept from run to run
config        the TOML file: its declared types, and the rules and sinks that they make
cooldown      matches to alerts
rules         scored rows to matches: score, run; share, drift, missing; silence
delivery      from the spool to the sinks, at least once
wording       alerts in words
by_key        a bounded mapping from keys
records       an alert, its rows, and the summary of a run
times         durations, times of rows and the clock
"""

from __future__ import annotations

from anomaly_vae_pipelines.alerting.alerter import Alerter, load_alerter
from anomaly_vae_pipelines.alerting.delivery.signatures import verify
from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, AlertSummary

__all__ = ["Alert", "AlertRow", "AlertSummary", "Alerter", "load_alerter", "verify"]

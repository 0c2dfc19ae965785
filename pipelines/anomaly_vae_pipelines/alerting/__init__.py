"""Alerting: rules over scored rows, and the sinks that their alerts go to.

alerter         the front: rows in, alerts out
config          a TOML file to rules (rule_tables) and sinks (sink_tables), read key by key (tables)
reach           refuses a rule that can never fire for a model
state           what is remembered from run to run; locking lets one run at a time have it
cooldown        findings to alerts
rules           row by row: score, run; window_rules: share, drift, missing; silence
windows, drift  rows counted up by key; a distance from calibration
stretch, lines  rows as rules see them; which of them count
delivery        from the spool to the sinks, at least once
sinks           JSON Lines, webhook (signatures), Alertmanager; apprise_sink; all HTTP through post
records         an alert, its rows, and the account of a run; wording puts them in words
status, trial   what waits, and what is in a cool-down; a test alert to each sink; resending
by_key, times   a bounded memory; durations, times of rows and the clock
"""

from __future__ import annotations

from anomaly_vae_pipelines.alerting.alerter import Alerter, load_alerter
from anomaly_vae_pipelines.alerting.delivery.signatures import verify
from anomaly_vae_pipelines.alerting.records import Alert, AlertRow, AlertSummary

__all__ = ["Alert", "AlertRow", "AlertSummary", "Alerter", "load_alerter", "verify"]

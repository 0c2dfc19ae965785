"""Resending: send waiting alerts now, without a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from anomaly_vae_pipelines.alerting.config.reading import read_delivery
from anomaly_vae_pipelines.alerting.delivery.outbox import Delivery
from anomaly_vae_pipelines.alerting.locking import locked
from anomaly_vae_pipelines.alerting.records import AlertSummary
from anomaly_vae_pipelines.alerting.state import spool_beside
from anomaly_vae_pipelines.alerting.times import Clock


def resend(
    rules: Path,
    owner: Path,
    *,
    refused: bool = False,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
) -> AlertSummary:
    """Deliver waiting alerts, for as long as ``patience`` in the file; returns the summary.

    Parameters
    ----------
    rules, owner : Path
        The file of rules, and the state (or the checkpoint of a watch) beside which its alerts wait.
    refused : bool
        Whether to try refused alerts again, too.
    environ : mapping of str to str
        The environment variables, which hold the secrets.
    clock : Clock, optional

    Raises
    ------
    InputError
        If the sinks of the file are not valid.
    SinkError
        If another run is using the state or the spool.
    """
    config, chosen = read_delivery(rules, environ), clock or Clock()
    spool = config.spool or spool_beside(owner)
    with locked(spool, owner):
        delivery = Delivery(config.sinks, spool, chosen)
        if refused:
            delivery.restore_refused()
        delivery.finish(config.patience)
    return delivery.summary(n_alerts=0, n_suppressed=0)

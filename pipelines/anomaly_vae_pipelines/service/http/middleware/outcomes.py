"""Outcomes: each request as a line of the access log, and counted by route and status with its duration."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from anomaly_vae_pipelines.service.http.middleware.exchange import exchange_of
from anomaly_vae_pipelines.service.logs import log
from anomaly_vae_pipelines.service.models.metrics import Metrics

CLIENT_LEFT = 499
"""Status, after nginx, of a request whose client left before its response."""


def outcomes(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """Counts and logs each request at its end.

    Paths without a route are counted as "other"; pages and health are logged at the level DEBUG.
    """

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            seconds, status = time.perf_counter() - exchange.started, exchange.status or CLIENT_LEFT
            metrics.answered(getattr(scope.get("endpoint"), "path", "other"), status, seconds)
            log(
                logging.DEBUG if exchange.is_open else logging.INFO,
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(1e3 * seconds, 3),
                bytes=exchange.n_bytes,
                request_id=exchange.id,
                **exchange.log_fields,
            )

    return recorded

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


def access_log(app: ASGIApp) -> ASGIApp:
    """Logs each request at its end; those for pages and health at the level DEBUG."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            log(
                logging.DEBUG if exchange.is_open else logging.INFO,
                "request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status or CLIENT_LEFT,
                ms=round(1e3 * (time.perf_counter() - exchange.started), 3),
                bytes=exchange.n_bytes,
                request_id=exchange.id,
                **exchange.log_fields,
            )

    return logged


def request_metrics(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """Counts each request at its end; paths without a route are counted as "other"."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            await app(scope, receive, send)
        finally:
            route = getattr(scope.get("endpoint"), "path", "other")
            seconds = time.perf_counter() - exchange.started
            metrics.answered(route, exchange.status or CLIENT_LEFT, seconds)

    return counted
